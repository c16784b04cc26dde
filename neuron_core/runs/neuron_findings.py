"""Findings about single neurons of a run, in files beside its results. No torch."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from neuron_core.analysis.neuron import QuestionScore, Standing, standing
from neuron_core.control.findings import NeuronContexts, NeuronEffect, NeuronTokens
from neuron_core.errors import RunError
from neuron_core.runs.files import UNSEALED, seal, unseal, write_file
from neuron_core.runs.result_files import CONFIG
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

What = Literal["tokens", "effect", "contexts"]
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
    return run.path / "neurons"


def finding_of(store: Store, run: RunFolder, layer: int, index: int, what: What) -> Any:
    """The finding that was asked for here, or else the one that came with the run. Returns and raises as
    `read_finding`.
    """
    own = read_finding(findings_folder(store, run), layer, index, what)
    return own if own is not None else read_finding(shipped_folder(run), layer, index, what)


def save_finding(folder: Path, layer: int, index: int, what: What, finding: Finding) -> None:
    """Writes one finding, whole or not at all. In a run folder it gets the run's seal, as every JSON file there."""
    folder.mkdir(parents=True, exist_ok=True)
    marks = RunFolder(folder.parent).marks if (folder.parent / CONFIG).exists() else UNSEALED
    write_file(_path(folder, layer, index, what), seal(_KINDS[what].dump_json(finding).decode(), marks))


def read_finding(folder: Path, layer: int, index: int, what: What) -> Any:
    """The NeuronTokens, NeuronEffect or NeuronContexts of a neuron. None if it was not measured. RunError for a damaged
    file.
    """
    path = _path(folder, layer, index, what)
    if not path.exists():
        return None
    try:
        return _KINDS[what].validate_json(unseal(path.read_bytes(), path)[0])
    except ValidationError as error:
        raise RunError(
            f"a finding can't be read: {error.errors()[0]['msg']}", where=str(path), accepted="delete it and ask again"
        ) from None


def standings(run: RunFolder, layer: int, index: int) -> tuple[Standing, ...]:
    """The neuron's place in every ranking of a run. Empty before its attribution is finished."""
    return tuple(standing(ranking, method, layer, index) for method, ranking in run.rankings().items())


def question_scores(run: RunFolder, layer: int, index: int) -> tuple[QuestionScore, ...]:
    """The neuron's score in every question under every target. Empty if the run keeps no scores of single questions."""
    found: list[QuestionScore] = []
    for number in sorted(run.scored()) if run.has_whole_scores() else ():
        scores = run.scores(number)
        value = float(scores.neurons[layer, index])
        for target in scores.targets:
            found.append(QuestionScore(scores.question_id, target, float(scores.of(target)[layer, index]), value))
    return tuple(found)


def _path(folder: Path, layer: int, index: int, what: What) -> Path:
    return folder / f"{layer}.{index}.{what}.json"
