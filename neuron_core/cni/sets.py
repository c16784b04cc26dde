"""Neuron sets as JSON files, which other runs and other programs can use. No torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from neuron_core.models.fingerprint import same_model
from neuron_core.paths import read_regular
from neuron_core.tasks.repeated import JSON, repeated_key, said

FORMAT = "neuronllm-neuron-set"
VERSION = 1
MOST_LAYERS, MOST_NEURONS, MOST_BYTES = 1000, 100_000_000, 64_000_000
"of a model, and of a file: what draws and figures could not hold is refused before"
LARGEST = float(np.finfo(np.float32).max)
"of a score: rankings are in single precision"


@dataclass(frozen=True)
class ScoredNeuron:
    """A neuron of the set with its score."""

    layer: int
    index: int
    "index within the layer"
    score: float
    "task score in the unit of the method's target; positive for good neurons, negative for bad ones"
    role: Literal["good", "bad"]


@dataclass(frozen=True)
class NeuronSetFile:
    """Good and bad neurons of one model for one task, best first."""

    name: str
    model_title: str
    model_fingerprint: str
    n_layers: int
    n_neurons: int
    "neurons per layer, I"
    task: str
    method: str
    config: dict[str, Any]
    "the config of the run that found them"
    neurons: tuple[ScoredNeuron, ...]
    format: str = FORMAT
    version: int = VERSION

    def __post_init__(self) -> None:
        if (self.format, self.version) != (FORMAT, VERSION):
            raise ConfigError(
                f"a file of format {self.format!r}, version {self.version}", accepted=f"{FORMAT}, version {VERSION}"
            )
        if not (0 < self.n_layers <= MOST_LAYERS and 0 < self.n_neurons * self.n_layers <= MOST_NEURONS):
            raise ConfigError(
                f"a model of {self.n_layers} layers of {self.n_neurons} neurons",
                where=self.name[:200],
                accepted=f"at most {MOST_LAYERS} layers and {MOST_NEURONS} neurons",
            )
        if not self.neurons:
            raise ConfigError("a neuron set without neurons", where=self.name)
        places = {(one.layer, one.index) for one in self.neurons}
        if len(places) < len(self.neurons):
            raise ConfigError("a neuron is in the set twice", where=self.name, accepted="each neuron once")
        for one in self.neurons:
            if not (0 <= one.layer < self.n_layers and 0 <= one.index < self.n_neurons):
                raise ConfigError(
                    f"neuron {one.layer}.{one.index}",
                    where=self.name,
                    accepted=f"layers 0 to {self.n_layers - 1}, neurons 0 to {self.n_neurons - 1}",
                )
            # As rankings hold it: a score that is finite here may be infinite or 0 there.
            score = one.score if abs(one.score) <= LARGEST else np.inf
            if not np.isfinite(score) or (score > 0) != (one.role == "good") or np.float32(score) == 0:
                raise ConfigError(
                    f"neuron {one.layer}.{one.index} is {one.role} with score {one.score}",
                    where=self.name,
                    accepted="good with a positive score, bad with a negative one, in single precision",
                )

    def ranking(self) -> NeuronRanking:
        """The set as a ranking: highest score first, ties by (layer, index)."""
        ordered = sorted(self.neurons, key=lambda one: (-one.score, one.layer, one.index))
        return NeuronRanking(
            neurons=np.array([(one.layer, one.index) for one in ordered], dtype=np.int32),
            scores=np.array([one.score for one in ordered], dtype=np.float32),
            n_ambiguous=0,
            n_layers=self.n_layers,
            n_neurons=self.n_neurons,
            z=len(ordered),
            note=f"file {self.name}",
        )


_ADAPTER: TypeAdapter[NeuronSetFile] = TypeAdapter(NeuronSetFile)


def set_of(
    ranking: NeuronRanking, k: int, *, name: str, task: str, method: str, model: Any, config: Mapping[str, Any]
) -> NeuronSetFile:
    """The top and bottom K of a ranking as a file. model: the facts of the model (title, fingerprint, sizes)."""
    cut = ranking.cut(k)
    good = [
        ScoredNeuron(layer, index, float(score), "good")
        for (layer, index), score in zip(cut.good.tolist(), cut.good_scores, strict=True)
    ]
    bad = [
        ScoredNeuron(layer, index, float(score), "bad")
        for (layer, index), score in zip(cut.bad.tolist(), cut.bad_scores, strict=True)
    ]
    return NeuronSetFile(
        name=name,
        model_title=model.title,
        model_fingerprint=model.fingerprint,
        n_layers=ranking.n_layers,
        n_neurons=ranking.n_neurons,
        task=task,
        method=method,
        config=dict(config),
        neurons=(*good, *bad),
    )


def to_json(neurons: NeuronSetFile) -> str:
    """The set as indented JSON."""
    return json.dumps(asdict(neurons), indent=1)


def from_json(text: str | bytes, where: str = "neuron set") -> NeuronSetFile:
    """Parses a set. Raises ConfigError, which names the field that is wrong: a text or a truth value is no number."""
    try:
        made = _ADAPTER.validate_json(text, strict=True)
        if (key := repeated_key(JSON.decode(text if isinstance(text, str) else text.decode()))) is not None:
            raise ConfigError(f"the neuron set {said(key)}", where=where, accepted="every key once in an object")
        return made
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(
            f"this is not a neuron set: {first['msg']} ({place})", where=where, accepted="a JSON file of this tool"
        ) from None


def load(path: Path) -> NeuronSetFile:
    """Reads a set from a file. Raises ConfigError if it can't be read, is too large, or is not a neuron set."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError("a neuron set that is too large", where=str(path), accepted=f"at most {MOST_BYTES} bytes")
        return from_json(read_regular(path), str(path))
    except OSError as error:
        raise ConfigError(f"the neuron set can't be read: {error.strerror}", where=str(path)) from None


def check_model(neurons: NeuronSetFile, title: str, fingerprint: str, shape: tuple[int, int]) -> None:
    """Raises ConfigError if the set was found in another model. shape: number of layers, and of neurons per layer."""
    if not same_model(neurons.model_fingerprint, fingerprint):
        raise ConfigError(
            f"the neuron set {neurons.name} belongs to {neurons.model_title} ({neurons.model_fingerprint})",
            where=f"{title} ({fingerprint})",
            accepted="neurons of the model that is loaded",
        )
    if (neurons.n_layers, neurons.n_neurons) != shape:
        raise ConfigError(
            f"the neuron set {neurons.name} is of {neurons.n_layers} layers of {neurons.n_neurons} neurons",
            where=f"{title} ({fingerprint})",
            accepted=f"{shape[0]} layers of {shape[1]} neurons",
        )
