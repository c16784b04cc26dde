"""What a run's files hold, read once for each state of the files. All sessions share it: nobody changes it."""

from pathlib import Path

import streamlit as st

from neuron_core.analysis.writings import ChangedAnswer, changed_answer
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.metrics import Baseline, Evaluation
from neuron_core.control.results import SideEffects
from neuron_core.models.local_files import file_state, files_state
from neuron_core.models.size import Size, size_of
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import user_path
from neuron_core.runs.results import Attribution, Evaluated, read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.library import kept_title
from neuron_core.tasks.load import TaskReading, load_task

Stamp = tuple[tuple[int, ...], ...]


def setting_of(run: RunFolder) -> Setting | None:
    return run.setting()


def attribution_of(run: RunFolder) -> Attribution | None:
    return _attribution(str(run.path), _stamp(run, "setting.json", "rankings"))


def rankings_of_run(run: RunFolder) -> dict[str, NeuronRanking]:
    """Every method's ranking of a run, the one shown first before the others."""
    return _rankings(str(run.path), rankings_stamp(run))


def rankings_stamp(run: RunFolder) -> Stamp:
    """The state of the files of a run's rankings."""
    return _stamp(run, "rankings")


def evaluation_of(run: RunFolder) -> Evaluation | None:
    return _evaluation(str(run.path), _stamp(run, "evaluation.json"))


def side_effects_of(run: RunFolder) -> SideEffects | None:
    return _side_effects(str(run.path), _stamp(run, "side_effects.json"))


def evaluated_of(run: RunFolder) -> Evaluated | None:
    if evaluation_of(run) is None:
        return None
    return _evaluated(str(run.path), _stamp(run, "setting.json", "rankings", "evaluation.json"))


def sets_of(run: RunFolder) -> dict[str, NeuronSetFile]:
    """The neuron sets of other runs that a run evaluates, by name."""
    return _sets(str(run.path), _stamp(run, "evaluation.json"))


def changed_answer_of(run: RunFolder, source: str) -> ChangedAnswer | None:
    """A question whose answer the neurons of this source change, and how; None without one."""
    evaluation, evaluated = evaluation_of(run), evaluated_of(run)
    if evaluation is None or evaluated is None:
        return None
    return changed_answer(evaluated.probabilities, evaluated.plan, evaluation.best, source)


def baseline_of(run: RunFolder) -> tuple[Baseline, str] | None:
    """The unmodified model on the run's task, and the questions it was measured on."""
    evaluation = evaluation_of(run)
    if evaluation is not None:
        return evaluation.baseline, "evaluation"
    attribution = attribution_of(run)
    return None if attribution is None else (attribution.baseline, "attribution")


def reading_of(task: str) -> TaskReading:
    path = user_path(task)
    # A kept task's later title is part of what is read.
    return _reading(task, file_state(path), kept_title(path))


def model_size(spec: ModelSpec) -> Size | None:
    """A model's parameters and dimensions, where its files, its config or a preset say."""
    return _model_size(spec, files_state(spec))


def _stamp(run: RunFolder, *names: str) -> Stamp:
    # An evaluation that was asked for later lies in a folder of its own, which config.json names.
    paths = [folder / name for folder in dict.fromkeys((run.path, run.results)) for name in ("config.json", *names)]
    return tuple(map(file_state, paths))


@st.cache_resource(show_spinner=False, max_entries=16)
def _model_size(spec: ModelSpec, files: tuple[object, ...]) -> Size | None:
    return size_of(spec)


@st.cache_resource(show_spinner=False, max_entries=16)
def _attribution(path: str, stamp: Stamp) -> Attribution | None:
    return read_attribution(RunFolder(Path(path)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _rankings(path: str, stamp: Stamp) -> dict[str, NeuronRanking]:
    return RunFolder(Path(path)).rankings()


@st.cache_resource(show_spinner=False, max_entries=64)
def _evaluation(path: str, stamp: Stamp) -> Evaluation | None:
    return RunFolder(Path(path)).evaluation()


@st.cache_resource(show_spinner=False, max_entries=8)
def _side_effects(path: str, stamp: Stamp) -> SideEffects | None:
    return RunFolder(Path(path)).side_effects()


@st.cache_resource(show_spinner=False, max_entries=8)
def _evaluated(path: str, stamp: Stamp) -> Evaluated | None:
    return read_evaluated(RunFolder(Path(path)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _sets(path: str, stamp: Stamp) -> dict[str, NeuronSetFile]:
    return RunFolder(Path(path)).sets()


@st.cache_resource(show_spinner=False, max_entries=8)
def _reading(task: str, stamp: tuple[int, ...], title: str) -> TaskReading:
    return load_task(task)
