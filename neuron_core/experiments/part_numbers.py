"""The numbers that the experiment `parts` should reach, each as measured. No torch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from neuron_core.analysis.parts import PartMatrix, find_row
from neuron_core.control.interventions import Direction
from neuron_core.control.results import Evaluation, SideEffects
from neuron_core.experiments.part_sets import loud_names, part_names
from neuron_core.experiments.plan import PARTS_RATIO, ExperimentSetting
from neuron_core.experiments.task_comparisons import PAPER_DIRECTIONS

WITHIN_ACC, WITHIN_MARGIN, LOW_MARGIN, LOW_ACC, WITHIN_PERPLEXITY = 0.05, 0.10, 0.2, 0.45, 0.25
TRUE_EFFECT = "sentiment"
"the bundled task whose content accuracy and margin should fall"
MOSTLY_LETTERS = ("ner", "chunking")
"bundled tasks on which the effect of ACE should be mostly letters"
MOST = "more than half, interval above 0"


class Check(NamedTuple):
    """A number to reach."""

    number: str
    "its name"
    value: str
    "as measured"
    wanted: str
    met: bool


def numbers_to_reach(
    setting: ExperimentSetting,
    evaluations: Mapping[str, Evaluation],
    effects: Mapping[str, SideEffects],
    matrices: Mapping[str, Mapping[Direction, PartMatrix]],
) -> pd.DataFrame:
    """The numbers to reach, as measured here: columns number, value, wanted, met. Only evaluated tasks are included."""
    tasks = list(evaluations)
    checks = [
        *(_content_falls(setting, evaluations[TRUE_EFFECT], tasks) if TRUE_EFFECT in evaluations else ()),
        *(_own_is_strongest(matrices["own"][direction]) for direction in PAPER_DIRECTIONS),
        *_perplexity(setting, tasks, effects),
    ]
    for task in MOSTLY_LETTERS:
        if task in evaluations:
            checks += _mostly_letters(setting, task, evaluations[task], tasks)
    return pd.DataFrame(checks, columns=list(Check._fields))


def _content_falls(setting: ExperimentSetting, evaluation: Evaluation, tasks: Sequence[str]) -> list[Check]:
    """The degrader of the content set lowers content accuracy and margin; null sets change them little."""
    before, k = evaluation.baseline, setting.k_of_parts
    row = find_row(evaluation, part_names("content", tasks)[TRUE_EFFECT], k, "degrader", PARTS_RATIO)
    margin, acc = before.content_margin, before.content_acc
    if row is None or row.content_acc is None or row.content_margin is None or not margin or not acc:
        return []
    name, share = f"{TRUE_EFFECT}, content degrader, K = {k}", row.content_margin / margin
    checks = [
        Check(f"{name}: content accuracy", f"{row.content_acc:.3f}", f"at most {LOW_ACC}", row.content_acc <= LOW_ACC),
        Check(f"{name}: margin / unmodified", f"{share:.3f}", f"at most {LOW_MARGIN}", share <= LOW_MARGIN),
    ]
    sources = {f"as loud {i}": name for i, name in enumerate(loud_names(setting), 1)} | {"random+, mean": "random+"}
    accs, margins = {}, {}
    for title, source in sources.items():
        null = find_row(evaluation, source, k, "degrader", PARTS_RATIO)
        if null is not None and null.content_acc is not None and null.content_margin is not None:
            accs[title] = abs(null.content_acc - acc)
            margins[title] = abs(null.content_margin / margin - 1)
    for what, changes, most in (("content accuracy", accs, WITHIN_ACC), ("margin, relative", margins, WITHIN_MARGIN)):
        worst = max(changes, key=lambda title: changes[title])
        checks.append(
            Check(
                f"{TRUE_EFFECT}, null sets: largest change of {what}",
                f"{changes[worst]:.3f} ({worst})",
                f"within {most:g}",
                changes[worst] <= most,
            )
        )
    return checks


def _own_is_strongest(matrix: PartMatrix) -> Check:
    """Every task's own part has the strongest effect on the task."""
    strongest = matrix.own_is_strongest()
    n, n_tasks = sum(strongest.values()), len(strongest)
    name = f"own part, {matrix.direction}: diagonal the strongest of its column"
    return Check(name, f"{n} of {n_tasks}", f"{n_tasks} of {n_tasks}", n == n_tasks)


def _perplexity(setting: ExperimentSetting, tasks: Sequence[str], effects: Mapping[str, SideEffects]) -> list[Check]:
    """The own parts of all tasks change the perplexity of the neutral text little."""
    if not effects:
        return []
    names, k = set(part_names("own", tasks).values()), 2 * setting.k_of_parts
    first = next(iter(effects.values()))
    found = [one.perplexity for one in first.rows if one.source in names and one.k == k]
    if not found:
        return []
    low, high, before = min(found), max(found), first.perplexity
    met = max(high / before - 1, 1 - low / before) <= WITHIN_PERPLEXITY
    value = f"{low:.1f} to {high:.1f} from {before:.1f}"
    return [Check("own part: perplexity of the neutral text", value, f"within {WITHIN_PERPLEXITY:.0%}", met)]


def _mostly_letters(setting: ExperimentSetting, task: str, evaluation: Evaluation, tasks: Sequence[str]) -> list[Check]:
    """Most of the effect of the paper's set on a task is an effect on letters, at K and at 2K."""
    checks = []
    for k in (setting.k_of_parts, 2 * setting.k_of_parts):
        row = find_row(evaluation, part_names("ace", tasks)[task], k, "degrader", PARTS_RATIO)
        if row is None or row.rac is None:
            continue
        name = f"{task}, ACE degrader, K = {k}"
        if row.rac_letters is not None and row.rac_letters_interval is not None:
            low, high = row.rac_letters_interval
            value = f"RAC {row.rac:.1f}, letters {row.rac_letters:.1f} [{low:.1f}, {high:.1f}]"
            met = row.rac_letters > row.rac / 2 and low > 0
            checks.append(Check(f"{name}: letters' part of RAC", value, MOST, met))
        if row.acc_beyond_content is not None and row.acc_beyond_content_interval is not None:
            low, high = (100 * end for end in row.acc_beyond_content_interval)
            lost, beyond = 100 * (evaluation.baseline.acc - row.acc), 100 * row.acc_beyond_content
            value = f"{lost:.1f} points of accuracy lost, {beyond:.1f} [{low:.1f}, {high:.1f}] not in content accuracy"
            checks.append(Check(f"{name}: lost beyond content", value, MOST, beyond > lost / 2 and low > 0))
    return checks
