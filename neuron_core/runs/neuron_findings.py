"""Findings about single neurons of a run, in files beside its results. No torch."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from neuron_core.analysis.neuron import QuestionScore, Standing, standing
from neuron_core.control.findings import NeuronContexts, NeuronEffect, NeuronTokens
from neuron_core.errors import RunError
from neuron_core.runs.files import UNSEALED, Seal, damaged, make_folder, place_of, read_bytes, seal, unseal, write_file
from neuron_core.runs.result_files import CONFIG
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

What = Literal["tokens", "effect", "contexts"]
SHIPPED = "neurons"
"name of the folder in a run folder"
Finding = NeuronTokens | NeuronEffect | NeuronContexts
_KINDS: dict[str, TypeAdapter[Any]] = {
    "tokens": TypeAdapter(NeuronTokens),
    "effect": TypeAdapter(NeuronEffect),
    "contexts": TypeAdapter(NeuronContexts),
}


def findings_folder(store: Store, run: RunFolder) -> Path:
    """The folder of the findings about a run: in the run folder, or in the store if the run lies outside of it."""
    if run.path.resolve().parent == store.root.resolve():
        return shipped_folder(run)
    setting = run.setting_path.read_bytes()
    return store.root / ".elsewhere" / f"{run.id}-{hashlib.sha256(setting).hexdigest()[:12]}"


def shipped_folder(run: RunFolder) -> Path:
    """Where findings lie in a run's own folder: those of the finished demo came with it."""
    return run.path / SHIPPED


def finding_of(store: Store, run: RunFolder, layer: int, index: int, what: What) -> Any:
    """The finding that was asked for here, or else the one that came with the run. Returns and raises as
    `read_finding`.
    """
    own = read_finding(findings_folder(store, run), layer, index, what)
    return own if own is not None else read_finding(shipped_folder(run), layer, index, what)


def save_finding(folder: Path, layer: int, index: int, what: What, finding: Finding) -> None:
    """Writes one finding, whole or not at all. In a run folder it gets the run's seal, as every JSON file there.
    RunError when the run has been deleted meanwhile.
    """
    path, text = _path(folder, layer, index, what), _KINDS[what].dump_json(finding).decode()
    if folder.name == SHIPPED:
        run = RunFolder(folder.parent)
        make_folder(folder)
        run._write_json(path, text)
    else:
        make_folder(folder, parents=True)
        write_file(path, seal(text, Seal(place=place_of(path.name))))


def read_finding(folder: Path, layer: int, index: int, what: What) -> Any:
    """The NeuronTokens, NeuronEffect or NeuronContexts of a neuron. None if it was not measured. RunError for a damaged
    file, and for one of another run or neuron that lies in its place.
    """
    path = _path(folder, layer, index, what)
    if not path.exists():
        return None
    try:
        return _KINDS[what].validate_json(_read(path))
    except ValidationError as error:
        raise RunError(
            f"a finding can't be read: {error.errors()[0]['msg']}", where=str(path), accepted="delete it and ask again"
        ) from None


def _read(path: Path) -> bytes:
    data, marks = unseal(read_bytes(path), path)
    # Findings of earlier versions have no seal.
    if marks != UNSEALED and (path.parents[1] / CONFIG).is_file():
        return RunFolder(path.parents[1])._read_json(path)
    if marks.place and marks.place != place_of(path.name):
        raise damaged(path, "it is about another neuron")
    return data


def standings(run: RunFolder, layer: int, index: int) -> tuple[Standing, ...]:
    """The neuron's place in every ranking of a run. Empty before its attribution is finished."""
    return tuple(standing(ranking, method, layer, index) for method, ranking in run.rankings().items())


def question_scores(run: RunFolder, layer: int, index: int, most: int | None = None) -> tuple[QuestionScore, ...]:
    """The neuron's score in every question under every target. Empty if the run keeps no scores of single questions.

    most: so many questions are read, the first ones; all of them if not given. A question takes up to a millisecond.
    """
    found: list[QuestionScore] = []
    for number in sorted(run.scored())[:most] if run.has_whole_scores() else ():
        scores = run.scores(number)
        value = float(scores.neurons[layer, index])
        for target in scores.targets:
            found.append(QuestionScore(scores.question_id, target, float(scores.of(target)[layer, index]), value))
    return tuple(found)


def _path(folder: Path, layer: int, index: int, what: What) -> Path:
    return folder / f"{layer}.{index}.{what}.json"
