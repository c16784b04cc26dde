"""The command `experiment`: makes the paper's tables and figures, using finished runs and making the missing ones."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuron_core.cni.selection import PAPER_K, preset
from neuron_core.commands.cluster import ClusterGroup
from neuron_core.commands.common import task_name
from neuron_core.commands.groups import OptionGroup, with_groups
from neuron_core.commands.options import AsJson, ModelOptions, Seed, numbers_from_1
from neuron_core.commands.wording import with_wording
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.engines import LocalEngines, engines_for
from neuron_core.estimates.estimate import facts_from_runs
from neuron_core.experiments.plan import OUTPUTS, TASKS, ExperimentSetting, wanted_outputs
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import Store, write_file
from neuron_core.terminal import emit, progress_bars, say, stage_bars, stage_line

if TYPE_CHECKING:
    import pandas as pd

    from neuron_core.engine.engine import Engine
    from neuron_core.engine.run_engine import RunEngine
    from neuron_core.experiments.figure9 import CostSetting
    from neuron_core.experiments.runs import ExperimentRuns

OF_PARTS = ("parts", "parts-stability", "dose")
"outputs that draw attribution examples of their own"
COST_FILE = "fig9-measured.json"


@dataclass(frozen=True)
class ExperimentOptions(OptionGroup):
    """What the tables and figures rest on."""

    tasks: Annotated[str, typer.Option(help="Bundled tasks or files, separated by commas.")] = ",".join(TASKS)
    examples: Annotated[int, typer.Option(min=2, help="Evaluation examples a task, three questions each.")] = 50
    draws: Annotated[int, typer.Option(min=1, help="Draws of the attribution examples; 1 leaves stability out.")] = 5
    attribution_examples: Annotated[int, typer.Option(min=1, help="tr of Eq. 5.")] = 5
    content_examples: Annotated[
        int, typer.Option(min=1, help="Attribution examples of `parts` and of each of its draws, four questions each.")
    ] = 10
    k: Annotated[int | None, typer.Option(min=1, help="The budget; by the model's size, 100 of `parts`.")] = None
    z: Annotated[int | None, typer.Option(min=1, help="Neurons kept at either end; by the model's size.")] = None
    budget_tasks: Annotated[str, typer.Option(help="Tasks of Table 7 and of m = 64; the last one.")] = ""
    budgets: Annotated[str, typer.Option(help="Budgets of Table 7.")] = "10,25,50,100,150,200,250,500"
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="m of Eq. 1.")] = 16
    random_seeds: Annotated[int, typer.Option(min=1, help="Random control sets of Table 1.")] = 5
    sample: Annotated[str, typer.Option(help="natural, balanced or comprehended.")] = "natural"
    position: Annotated[str, typer.Option(help="last or all.")] = "last"
    question: Annotated[str | None, typer.Option(help="Id of the evaluation question of Figure 10.")] = None
    lengths: Annotated[str, typer.Option(help="Answer lengths of Figure 9.")] = "1,2,4,8,16,32"

    def setting(self, model: ModelSpec, seed: int, prompt: PromptConfig, budget: int) -> ExperimentSetting:
        """budget: K, where the options leave it to the model's size. ConfigError for one out of its range."""
        return ExperimentSetting(
            tasks=_tasks(self.tasks),
            model=model,
            k=self.k or budget,
            z=self.z,
            seed=seed,
            examples=self.examples,
            attribution_examples=self.attribution_examples,
            content_examples=self.content_examples,
            parts_k=self.k or PAPER_K,
            draws=self.draws,
            steps=self.steps,
            random_seeds=self.random_seeds,
            budgets=numbers_from_1(self.budgets, "--budgets"),
            budget_tasks=_tasks(self.budget_tasks),
            position=self.position,
            sample=self.sample,
            question=self.question,
            prompt=prompt,
        )


@with_wording
@with_groups
def experiment(
    name: Annotated[list[str], typer.Argument(help=f"all, or some of: {', '.join(OUTPUTS)}.")],
    options: ExperimentOptions,
    model: ModelOptions,
    cluster: ClusterGroup,
    seed: Seed = 0,
    prompt: PromptConfig = USUAL,
    out: Annotated[Path, typer.Option(help="Folder of the tables and the report.")] = Path("experiment-report"),
    as_json: AsJson = False,
) -> None:
    """The paper's tables and figures on several tasks: runs what is missing, writes tables and one HTML report."""
    from neuron_core.experiments.files import result_of, text_of, write_files
    from neuron_core.experiments.outputs import make_output
    from neuron_core.experiments.runs import make_runs

    began = time.monotonic()
    answer_lengths, chosen = numbers_from_1(options.lengths, "--lengths"), model.spec()
    model_of = _Models(chosen, cluster.options())
    # A mistake in the options or in a task is found before a model is loaded.
    setting = options.setting(chosen, seed, prompt, 1)
    outputs = wanted_outputs(name, setting)
    _check_tasks(setting, outputs)
    store = Store()
    try:
        if options.k is None:
            setting = replace(setting, k=preset(model_of.facts(store).n_total).k)
        with progress_bars() as progress:

            def on_run(kind: str, task: str, run: RunFolder) -> None:
                for bar in progress.task_ids:
                    progress.remove_task(bar)
                model_of.show = stage_bars(progress)
                say(f"{task}: {kind} ({run.id})")

            runs = make_runs(
                setting,
                outputs,
                store,
                out.absolute(),
                model_of.engine,
                on_run=on_run,
                on_progress=lambda status: model_of.show(status),
            )
        cost = _cost(out, setting, runs, answer_lengths, model_of) if "fig9" in outputs else None
    except KeyboardInterrupt:
        say(f"Stopped. What was finished is kept: the same `{PROGRAM} experiment` command goes on.")
        raise
    finally:
        model_of.close()
    made = [make_output(one, setting, runs, cost) for one in outputs]
    seconds = time.monotonic() - began
    files = write_files(out, setting, runs, made, seconds)
    if as_json:
        emit(result_of(out, setting, runs, made, files, seconds), True, str)
    else:
        typer.echo(text_of(made, out, files, seconds))


class _Models:
    """The engine of all runs, loaded when the first of them needs it."""

    def __init__(self, chosen: ModelSpec, cluster: ClusterOptions | None) -> None:
        self._spec, self._cluster = chosen, cluster
        self._engines = engines_for(cluster)
        self.show: Callable[..., None] = lambda status: None

    def engine(self, on_stage: Callable[[str], None]) -> "RunEngine":
        return self._engines.engine(self._spec, on_stage)

    def local(self, on_stage: Callable[[str], None]) -> "Engine":
        """In this process, whatever the executor: Figure 9 measures seconds on the machine at hand."""
        from neuron_core.engine.engine import Engine

        if isinstance(self._engines, LocalEngines):
            return self._engines.engine(self._spec, on_stage)
        self._engines.close()
        return Engine(self._spec, on_stage=on_stage)

    def close(self) -> None:
        self._engines.close()

    def facts(self, store: Store) -> ModelFacts:
        """Facts of the model from an earlier run with exactly this spec, otherwise from the model itself."""
        known = facts_from_runs(self._spec, store.runs())
        if known is not None:
            return known
        with stage_line() as on_stage:
            return self.engine(on_stage).facts()


def _check_tasks(setting: ExperimentSetting, outputs: Sequence[str]) -> None:
    from neuron_core.qatt.draws import draw
    from neuron_core.qatt.prompt import check_wording
    from neuron_core.tasks.load import load_task

    each = setting.attribution_examples * setting.draws if set(outputs) - set(OF_PARTS) else 0
    content = setting.content_examples * (setting.draws if "parts-stability" in outputs else 1)
    needed = max(1, each, content if set(outputs) & set(OF_PARTS) else 0)
    for ref in setting.tasks:
        task = load_task(ref).task
        draws = draw(
            task,
            needed,
            setting.examples if setting.sample == "natural" else 0,
            setting.seed,
            setting.prompt.demonstration,
        )
        check_wording(task, (*draws.attribution, *draws.evaluation), setting.seed, setting.prompt)


def _tasks(text: str) -> tuple[str, ...]:
    return tuple(task_name(task.strip()) for task in text.split(",") if task.strip())


def _cost(
    out: Path, setting: ExperimentSetting, runs: "ExperimentRuns", lengths: tuple[int, ...], model_of: _Models
) -> "pd.DataFrame":
    """Figure 9, measured on a question of the first task. An earlier measurement with the same setting is used
    again.
    """
    import pandas as pd

    from neuron_core.experiments.figure9 import CostSetting, answer_cost
    from neuron_core.models.chat import USUAL_DATE
    from neuron_core.models.letters import tokenize_prompt
    from neuron_core.qatt.draws import draw, questions_of
    from neuron_core.tasks.load import load_task

    wanted = CostSetting(lengths=lengths, steps=setting.steps)
    with stage_line() as on_stage:
        engine = model_of.local(on_stage)
    key = _cost_key(wanted, engine, setting.prompt)
    path = out / COST_FILE
    if path.is_file() and (before := json.loads(path.read_bytes()))["setting"] == key:
        return pd.DataFrame(before["rows"])
    task = load_task(setting.tasks[0]).task
    draws = draw(task, 1, 0, setting.seed, setting.prompt.demonstration)
    chat = engine.facts(USUAL_DATE).chat
    question = questions_of(task, draws.attribution, draws.demonstration, setting.seed, setting.prompt, chat)[0]
    prompt = tokenize_prompt(engine.loaded.tokenizer, question.prompt)
    with progress_bars() as progress:
        bar = progress.add_task("figure 9", total=None)
        table = answer_cost(
            engine.loaded,
            prompt,
            question.target,
            wanted,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    out.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps({"setting": key, "rows": table.to_dict("records")}).encode())
    return table


def _cost_key(wanted: "CostSetting", engine: "Engine", prompt: PromptConfig) -> dict[str, object]:
    from neuron_core.models.chat import USUAL_DATE

    key = {"cost": asdict(wanted), "model": asdict(engine.facts(USUAL_DATE))}
    if prompt != USUAL:
        key["prompt"] = asdict(prompt)
    found: dict[str, object] = json.loads(json.dumps(key))
    return found
