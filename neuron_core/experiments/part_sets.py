"""The neuron sets of the experiment `parts`: which sets are evaluated on which task, and their names. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuron_core.analysis.parts import TaskParts, task_parts
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.interventions import SILENCES, Silence, random_loud
from neuron_core.errors import RunError
from neuron_core.experiments.plan import ExperimentSetting, set_names
from neuron_core.runs.run_folder import RunFolder

PART_KINDS = ("content", "ace", "own")
"content: found by `content`; ace: by the paper's method; own: by `content`, without the common part"
ANSWERING, LOUD = "answering", "loud"


EXCITES = (1.5, 2.0, 3.0, 5.0)
"factors of excited neurons that are evaluated; the paper's factor is 2"


@dataclass(frozen=True, eq=False)
class PartSet:
    """A neuron set of the experiment."""

    task: str
    "the task whose neurons these are, or `all`"
    method: str
    run: RunFolder
    "the run that found the set"
    ranking: NeuronRanking
    deepest: int
    "number of neurons of each role that are kept"
    k: int | None
    "the budget at which it is evaluated; None: both K and 2K"


def part_names(kind: str, tasks: Sequence[str]) -> Mapping[str, str]:
    """Task → the name of its set of this kind (one of PART_KINDS)."""
    return set_names(kind, tasks)


def dose_names() -> dict[str, tuple[float, Silence]]:
    """Name of a set in the runs → the factor of excited neurons, and the value of silenced ones."""
    return {f"x{excite:g}-{silence}": (excite, silence) for silence in SILENCES for excite in EXCITES}


def loud_names(setting: ExperimentSetting) -> tuple[str, ...]:
    """Names of the random sets that are as loud as the evaluated task's content set."""
    return tuple(f"{LOUD}-{seed}" for seed in range(1, setting.random_seeds + 1))


def parts_of(content: Mapping[str, RunFolder], setting: ExperimentSetting) -> TaskParts:
    """The common part and the own parts of the tasks' content rankings, with 4K common neurons banned."""
    return task_parts(_rankings(content, "content"), 4 * setting.k_of_parts)


def part_sets(
    content: Mapping[str, RunFolder], paper: Mapping[str, RunFolder], setting: ExperimentSetting, task: str
) -> dict[str, PartSet]:
    """Every set that is evaluated on a task, by name. The task's own content set comes first.

    content, paper: task → its run by `content`, and its run by `ace`. Sets of these methods have budget K; the task's
    own `ace` set is also evaluated at 2K. The own parts and the answering neurons have budget 2K. Raises RunError if a
    run does not keep the loudness of its neurons.
    """
    tasks, k = list(content), setting.k_of_parts
    parts = parts_of(content, setting)
    of_kind = {
        "content": _rankings(content, "content"),
        "ace": _rankings(paper, "ace"),
        "own": parts.own,
    }
    order = (task, *(other for other in tasks if other != task))
    found = {}
    for kind in PART_KINDS:
        names = part_names(kind, tasks)
        for source in order:
            method, run = ("ace", paper[source]) if kind == "ace" else ("content", content[source])
            budget = 2 * k if kind == "own" else None if (kind, source) == ("ace", task) else k
            found[names[source]] = PartSet(source, method, run, of_kind[kind][source], 2 * k, budget)
    found[ANSWERING] = PartSet("all", "content", content[task], parts.answering, 2 * k, 2 * k)
    loudness = content[task].loudness()
    if loudness is None:
        raise RunError("the run keeps no loudness of its neurons", where=content[task].id, accepted="a new run")
    for seed, name in enumerate(loud_names(setting)):
        found[name] = PartSet(
            task, "random-loud", content[task], random_loud(of_kind["content"][task], k, loudness, seed), k, k
        )
    return {name: one for name, one in found.items() if len(one.ranking.scores)}


def _rankings(runs: Mapping[str, RunFolder], method: str) -> dict[str, NeuronRanking]:
    found = {task: run.ranking(method) for task, run in runs.items()}
    if missing := [task for task, ranking in found.items() if ranking is None]:
        raise RunError(f"no ranking by {method}", where=runs[missing[0]].id, accepted="a finished attribution")
    return {task: ranking for task, ranking in found.items() if ranking is not None}
