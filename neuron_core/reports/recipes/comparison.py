"""Python code to copy that reproduces the Methods and Cross-task pages from the runs that they show. No torch."""

from collections.abc import Mapping, Sequence

from neuron_core.runs.config import RunConfig

Runs = Mapping[str, str]
"name of a task → id or path of its run"
OPEN = """store = Store()
runs = {{task: store.open(run) for task, run in {runs!r}.items()}}
"""
TABLES = {
    "Table 1": ("methods_table", "methods_table(evaluations, {k}, {methods!r}, effects)"),
    "Table 2": ("enabled_table", "enabled_table(evaluations, {k}, effects)"),
    "Table 3": ("parts_table", "parts_table(evaluations, {k}, effects)"),
    "Table 6": ("ablation_table", "ablation_table(evaluations, {k}, {methods!r}, effects)"),
    "Table 7": ("budget_table", "budget_table(evaluations, {ks!r}, {methods!r}, effects)"),
}
"table of the Methods page → the function that makes it, and the call of this function"


def table_python(
    name: str, runs: Runs, k: int, methods: Sequence[str], ks: Sequence[int], lines: Sequence[str] = ("method",)
) -> str:
    """A script that makes one of the paper's tables from these runs. name: a key of TABLES, or Table 4."""
    opened = OPEN.format(runs=dict(runs))
    if name == "Table 4":
        return f"""from neuron_core.analysis.tables import baseline_table
from neuron_core.experiments.task_comparisons import effects_of, evaluations_of
from neuron_core.runs.store import Store

{opened}baselines = {{task: evaluation.baseline for task, evaluation in evaluations_of(runs).items()}}
table = baseline_table(baselines, effects_of(runs))
print(table.to_string(index=False))
"""
    function, call = TABLES[name]
    return f"""from neuron_core.analysis.tables import as_printed, {function}
from neuron_core.experiments.task_comparisons import effects_of, evaluations_of
from neuron_core.runs.store import Store

{opened}evaluations, effects = evaluations_of(runs), effects_of(runs)
table = {call.format(k=k, methods=list(methods), ks=list(ks))}
print(as_printed(table, {tuple(lines)!r}).to_string(index=False))
print("Held out")
print(as_printed(table, {tuple(lines)!r}, heldout=True).to_string(index=False))
"""


def cost_python(config: RunConfig, run: str) -> str:
    """A script that measures Figure 9 with this run's model and one of its questions. It takes minutes."""
    return f"""from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.spec import ModelSpec
from neuron_core.engine.engine import Engine
from neuron_core.experiments.figure9 import CostSetting, answer_cost
from neuron_core.runs.store import Store

question = Store().open({run!r}).setting().attribution[0]
engine = Engine({config.model!r})
prompt = tokenize_prompt(engine.loaded.tokenizer, question.prompt)
table = answer_cost(engine.loaded, prompt, question.target, CostSetting(steps={config.attribution.steps}))
print(table.to_string(index=False))
"""


def matrices_python(runs: Runs, sets: Mapping[str, str], k: int) -> str:
    """A script that makes both cross-task matrices. runs: task → its run. sets: task → the name of its set."""
    return f"""import pandas as pd

from neuron_core.analysis.cross import cross_entries, cross_matrix, cross_printed
from neuron_core.experiments.task_comparisons import evaluations_of
from neuron_core.runs.store import Store

{OPEN.format(runs=dict(runs))}sets = {dict(sets)!r}
matrices = [cross_matrix(evaluations_of(runs), sets, {k}, direction) for direction in ("degrader", "enhancer")]
table = pd.concat([cross_entries(matrix) for matrix in matrices], ignore_index=True)
for matrix in matrices:
    print(matrix.direction)
    print(cross_printed(matrix).to_string(index=False))
"""


def rankings_python(view: str, runs: Runs, k: int) -> str:
    """A script that makes a table of the Cross-task page. view: specific, overlap or opposed."""
    head = "from neuron_core.runs.store import Store\n"
    opened = f"{OPEN.format(runs=dict(runs))}rankings = {{task: run.ranking() for task, run in runs.items()}}\n"
    if view == "specific":
        return f"""from neuron_core.analysis.common import common_neurons, common_table
from neuron_core.analysis.specific import specific_neurons, specific_table
{head}
{opened}common = common_table(common_neurons(rankings, {k}))
table = specific_table(specific_neurons(rankings, {k}))
print(common.to_string(index=False))
print(table.to_string(index=False))
"""
    function = {"overlap": "overlap_table", "opposed": "opposed_neurons"}[view]
    return f"""from neuron_core.analysis.specific import {function}
{head}
{opened}table = {function}(rankings, {k})
print(table.to_string(index=False))
"""
