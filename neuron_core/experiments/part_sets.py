"""The neuron sets of the experiment `parts`: which sets are tried on which task, and under what name. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuron_core.analysis.parts import TaskParts, task_parts
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.interventions import random_loud
from neuron_core.errors import RunError
from neuron_core.experiments.plan import ExperimentSetting, set_names
from neuron_core.runs.store import RunFolder

PART_KINDS = ("content", "ace", "own")
"content: the task's set by `content`; ace: by the paper's method; own: by `content` without the common part"
ANSWERING, LOUD = "answering", "loud"


@dataclass(frozen=True, eq=False)
class PartSet:
    """One neuron set of the experiment."""

    task: str
    "whose neurons, or `all`"
    method: str
    k: int
    "the budget with which it is tried"
    ranking: NeuronRanking


def part_names(kind: str, tasks: Sequence[str]) -> Mapping[str, str]:
    """task → the name of its set of a kind of PART_KINDS."""
    return set_names(kind, tasks)


def loud_names(setting: ExperimentSetting) -> tuple[str, ...]:
    """Names of the sets that are as loud as the evaluated task's own content set."""
    return tuple(f"{LOUD}-{seed}" for seed in range(1, setting.random_seeds + 1))


def parts_of(content: Mapping[str, RunFolder], setting: ExperimentSetting) -> TaskParts:
    """Common and own part of the tasks' content rankings, four times K neurons banned."""
    return task_parts(_rankings(content, "content"), 4 * setting.k_of_parts)


def part_sets(content: Mapping[str, RunFolder], setting: ExperimentSetting, task: str) -> dict[str, PartSet]:
    """Every set that is tried on a task, by name; the task's own content set comes first.

    content: task → its run by `content` and `ace`. K for these two, twice K for what is left of them and for the
    neurons of answering. RunError where a run keeps no loudness.
    """
    tasks, k = list(content), setting.k_of_parts
    parts = parts_of(content, setting)
    of_kind = {
        "content": _rankings(content, "content"),
        "ace": _rankings(content, "ace"),
        "own": parts.own,
    }
    order = (task, *(other for other in tasks if other != task))
    found = {}
    for kind in PART_KINDS:
        names = part_names(kind, tasks)
        for source in order:
            method = kind if kind == "ace" else "content"
            found[names[source]] = PartSet(source, method, 2 * k if kind == "own" else k, of_kind[kind][source])
    found[ANSWERING] = PartSet("all", "content", 2 * k, parts.answering)
    loudness = content[task].loudness()
    if loudness is None:
        raise RunError("the run keeps no loudness of its neurons", where=content[task].id, accepted="a new run")
    for seed, name in enumerate(loud_names(setting)):
        found[name] = PartSet(task, "random-loud", k, random_loud(of_kind["content"][task], k, loudness, seed))
    return {name: one for name, one in found.items() if len(one.ranking.scores)}


def _rankings(runs: Mapping[str, RunFolder], method: str) -> dict[str, NeuronRanking]:
    found = {task: run.ranking(method) for task, run in runs.items()}
    if missing := [task for task, ranking in found.items() if ranking is None]:
        raise RunError(f"no ranking by {method}", where=runs[missing[0]].id, accepted="a finished attribution")
    return {task: ranking for task, ranking in found.items() if ranking is not None}
