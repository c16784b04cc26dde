"""Everything that changes a run's result, as frozen values that survive JSON. No torch."""

import json
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from neuron_core.cni.quadrature import RULES
from neuron_core.control.interventions import BUDGETS, RATIOS
from neuron_core.errors import ConfigError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.prompt import TEMPLATE_VERSION

METHODS = ("ace",)
POSITIONS = ("last",)


@dataclass(frozen=True)
class AttributionConfig:
    """Settings of the attribution stage."""

    method: str = "ace"
    steps: int = 16
    "m of Eq. 1"
    rule: str = "right"
    examples: int = 5
    "tr of Eq. 5; three proxy questions each"
    z: int | None = None
    "neurons kept at either end of an example's ranking; None takes the preset"
    k: int | None = None
    "budget shown first; None takes the preset"
    layers_per_pass: int = 6
    "the chunk plan: fixed for a run, so that a resumed run is equal bit for bit"

    def __post_init__(self) -> None:
        _one_of("method", self.method, METHODS)
        _one_of("rule", self.rule, RULES)
        _at_least("steps", self.steps, 1)
        _at_least("examples", self.examples, 1)
        _at_least("layers_per_pass", self.layers_per_pass, 1)
        for name in ("z", "k"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class EvaluationConfig:
    """Settings of the evaluation stage."""

    examples: int = 100
    ks: tuple[int, ...] = BUDGETS
    ratios: tuple[float, ...] = RATIOS
    random_seeds: int = 5
    "control sets; 0 leaves the random band out"
    position: str = "last"
    rows_per_pass: int = 128

    def __post_init__(self) -> None:
        _one_of("position", self.position, POSITIONS)
        _at_least("examples", self.examples, 2)
        _at_least("random_seeds", self.random_seeds, 0)
        _at_least("rows_per_pass", self.rows_per_pass, 1)
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) != len(self.ks):
            raise ConfigError(f"budgets {list(self.ks)}", accepted="different whole numbers from 1")
        if not self.ratios or not set(self.ratios) <= set(RATIOS) or len(set(self.ratios)) != len(self.ratios):
            raise ConfigError(f"ratios {list(self.ratios)}", accepted="different tenths from 0 to 1")


@dataclass(frozen=True)
class RunConfig:
    """One run: a model, a task, what is attributed and what is evaluated."""

    task: str
    "name of a bundled task, or path of a file"
    model: ModelSpec = field(default_factory=ModelSpec)
    seed: int = 0
    prompt: PromptConfig = USUAL
    attribution: AttributionConfig = field(default_factory=AttributionConfig)
    evaluation: EvaluationConfig | None = None
    template_version: int = TEMPLATE_VERSION

    def __post_init__(self) -> None:
        _at_least("seed", self.seed, 0)


_ADAPTER: TypeAdapter[RunConfig] = TypeAdapter(RunConfig)


def config_to_json(config: RunConfig) -> str:
    """Indented JSON."""
    return _ADAPTER.dump_json(config, indent=1).decode()


def config_from_json(text: str | bytes) -> RunConfig:
    """The config in `text`; ConfigError names the field that is wrong."""
    try:
        config = _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"the run config is wrong: {first['msg']}", where=where) from None
    # Runs made before the prompt had settings of its own have its letter here.
    letter = json.loads(text).get("demonstration_letter")
    return config if letter is None else replace(config, prompt=replace(config.prompt, letter=letter))


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise ConfigError(f"unknown {name} {value!r}", accepted=", ".join(accepted))


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(f"{name} is {value}", accepted=f"{least} or more")
