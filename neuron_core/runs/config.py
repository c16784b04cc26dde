"""Every setting that changes the result of a run, as frozen values that can be written as JSON. No torch."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from neuron_core.cni.methods import CONTROLS, METHODS, RANKED
from neuron_core.cni.quadrature import MOST_STEPS, RULES
from neuron_core.cni.selection import AMBIGUOUS, DROP
from neuron_core.cni.sets import MOST_NEURONS
from neuron_core.control.interventions import (
    BUDGETS,
    DIRECTIONS,
    EXCITE,
    MOST_EXCITE,
    RATIOS,
    SILENCES,
    Direction,
    Silence,
)
from neuron_core.errors import ConfigError, first_of
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.prompt import TEMPLATE_VERSION
from neuron_core.qatt.proxies import PROXIES, SHUFFLES

POSITIONS = ("last", "all")
SAMPLES = ("natural", "balanced", "comprehended")
KEEP_BYTES = 2_000_000_000
MOST_EXAMPLES, MOST_BUDGETS, MOST_RANDOM_SETS = 1_000_000, 1_000, 1_000
"of one run: a number without a bound would make whoever counts or lists it first take all memory"


@dataclass(frozen=True)
class AttributionConfig:
    """Settings of the attribution stage."""

    methods: tuple[str, ...] = ("ace",)
    "methods whose rankings are made; the first is shown by default. Empty if the run only evaluates neuron sets"
    steps: int = 16
    "number of integration steps, m of Eq. 1"
    rule: str = "right"
    examples: int = 5
    "number of attribution examples, tr of Eq. 5, with three proxy questions each; four with rotations"
    z: int | None = None
    "neurons kept at each end of an example's ranking; None for the preset"
    k: int | None = None
    "budget K that is shown by default; None for the preset"
    layers_per_pass: int | None = None
    "number of layers whose rows share a pass; None chooses it by the free memory when the run starts, and keeps it"
    keep_bytes: int = KEEP_BYTES
    "largest size of all question scores in bytes; above it, only sums and the top and bottom z of examples are kept"
    proxies: str = SHUFFLES
    "shuffles: the paper's three option orders; rotations: four, so that every option stands on every letter once"
    ambiguous: str = DROP
    "neurons that are good in one example and bad in another. drop: they score 0, as in the paper; keep: their sum"

    def __post_init__(self) -> None:
        for method in self.methods:
            _one_of("method", method, RANKED)
        _all_different("methods", self.methods)
        _one_of("rule", self.rule, RULES)
        _within("steps", self.steps, 1, MOST_STEPS)
        _within("examples", self.examples, 1, MOST_EXAMPLES)
        if self.layers_per_pass is not None:
            _at_least("layers_per_pass", self.layers_per_pass, 1)
        _at_least("keep_bytes", self.keep_bytes, 0)
        _one_of("proxies", self.proxies, PROXIES)
        _one_of("ambiguous", self.ambiguous, AMBIGUOUS)
        for name, value in (("z", self.z), ("k", self.k)):
            if value is not None:
                _within(name, value, 1, MOST_NEURONS)


@dataclass(frozen=True)
class EvaluationConfig:
    """Settings of the evaluation stage."""

    examples: int = 100
    ks: tuple[int, ...] = BUDGETS
    ratios: tuple[float, ...] = RATIOS
    random_seeds: int = 5
    "number of random control sets; 0 leaves them out"
    position: str = "last"
    "where neurons are scaled: at the last prompt token, or at all tokens (one whole prompt for each intervention)"
    methods: tuple[str, ...] | None = None
    "methods of the attribution, and control methods such as random; None for all of the attribution"
    sample: str = "natural"
    """natural: as drawn; balanced: half of them comprehended by the model with the options in other orders, half not;
    comprehended: those that `comprehended_by` comprehends with the options in other orders"""
    comprehended_by: ModelSpec | None = None
    "the model whose comprehension decides; None for the run's own"
    rows_per_pass: int | None = None
    "number of interventions that share a pass; None chooses it like layers_per_pass"
    proxies: str = SHUFFLES
    "as in AttributionConfig; content measures are exact with rotations"
    excite: float = EXCITE
    "factor of excited neurons; the paper's is 2"
    silence: Silence = "zero"
    "what silenced neurons are set to: zero, as in the paper, or their mean over the evaluation prompts' last tokens"

    def __post_init__(self) -> None:
        _one_of("position", self.position, POSITIONS)
        _one_of("sample", self.sample, SAMPLES)
        _one_of("proxies", self.proxies, PROXIES)
        _strength(self.excite, self.silence)
        if self.position == "all" and self.silence == "mean":
            raise ConfigError("silence to the mean at all positions", accepted="position last, or silence to zero")
        for method in self.methods or ():
            _one_of("method", method, tuple(METHODS))
        _all_different("methods", self.methods or ())
        if self.comprehended_by is not None and self.sample == "natural":
            raise ConfigError("a natural sample is not chosen by a model", where="comprehended_by", accepted="None")
        _within("examples", self.examples, 2, MOST_EXAMPLES)
        _within("random_seeds", self.random_seeds, 0, MOST_RANDOM_SETS)
        if self.rows_per_pass is not None:
            _at_least("rows_per_pass", self.rows_per_pass, 1)
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) != len(self.ks):
            raise ConfigError(f"budgets [{first_of(self.ks)}]", accepted="different whole numbers from 1")
        _within("the number of budgets", len(self.ks), 1, MOST_BUDGETS)
        _within("a budget", max(self.ks), 1, MOST_NEURONS)
        if not self.ratios or not set(self.ratios) <= set(RATIOS) or len(set(self.ratios)) != len(self.ratios):
            raise ConfigError(f"ratios [{first_of(self.ratios)}]", accepted="different tenths from 0 to 1")


@dataclass(frozen=True)
class SetUse:
    """A neuron set in a file, evaluated in addition to the run's own rankings or instead of them."""

    path: str
    "a JSON file of `neuron_core.cni.sets`; the run keeps a copy"
    name: str
    "the name of its rows in tables; it may not be that of a method"
    k: int | None = None
    "the only budget; None for those of the evaluation"
    ratios: dict[Direction, float] | None = None
    "the only ratio of each direction, for instance the best one of the set's own task; None for all"
    excite: float | None = None
    "factor of its excited neurons; None for that of the evaluation"
    silence: Silence | None = None
    "what its silenced neurons are set to; None for that of the evaluation"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.+ -]{1,60}", self.name) or self.name in METHODS or self.name.startswith("random"):
            raise ConfigError(
                f"a neuron set called {self.name!r}",
                accepted="letters, digits and . + - _, at most 60, and no method's name",
            )
        _strength(EXCITE if self.excite is None else self.excite, self.silence or "zero")
        if self.ratios is not None and (
            not set(self.ratios) <= set(DIRECTIONS) or not set(self.ratios.values()) <= set(RATIOS)
        ):
            raise ConfigError(f"ratios {self.ratios}", where=self.name, accepted="a tenth from 0 to 1 a direction")


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
    sets: tuple[SetUse, ...] = ()
    "neuron sets of other runs that are evaluated on this task"
    template_version: int = TEMPLATE_VERSION

    def __post_init__(self) -> None:
        _at_least("seed", self.seed, 0)
        _all_different("neuron sets", [one.name for one in self.sets])
        if self.evaluation and self.evaluation.position == "all" and any(one.silence == "mean" for one in self.sets):
            raise ConfigError("silence to the mean at all positions", accepted="position last, or silence to zero")
        if self.sets and self.evaluation is None:
            raise ConfigError("neuron sets without an evaluation", accepted="an EvaluationConfig")
        if not self.attribution.methods and not self.sets:
            raise ConfigError("a run without a method and without neuron sets", accepted="at least one of either")
        if self.evaluation and "random-loud" in (self.evaluation.methods or ()) and not self.attribution.methods:
            raise ConfigError("random-loud without a method", accepted="a run that attributes: it measures loudness")
        wanted = set(self.evaluation.methods or ()) - set(CONTROLS) if self.evaluation else set()
        if wanted - set(self.attribution.methods):
            raise ConfigError(
                f"the method {min(wanted - set(self.attribution.methods))!r} is evaluated but not attributed",
                accepted=first_of((*self.attribution.methods, *CONTROLS)),
            )


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
    # Runs of versions without a PromptConfig have its letter here.
    letter = json.loads(text).get("demonstration_letter")
    return config if letter is None else replace(config, prompt=replace(config.prompt, letter=letter))


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise ConfigError(f"unknown {name} {value!r}", accepted=", ".join(accepted))


def _strength(excite: float, silence: str) -> None:
    _one_of("silence", silence, SILENCES)
    if not 1 < excite <= MOST_EXCITE:
        raise ConfigError(f"excite is {excite:g}", accepted=f"a factor above 1, at most {MOST_EXCITE:g}")


def _all_different(name: str, values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise ConfigError(f"{name} {first_of(values)}", accepted="each once")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(f"{name} is {value}", accepted=f"{least} or more")


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}", accepted=f"{least} to {most:,}")
