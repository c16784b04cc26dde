"""The results of an evaluation, as frozen values that can be stored as JSON. No torch."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from neuron_core.control.interventions import Direction
from neuron_core.control.measures import EffectParts, Interval, LetterFree, LetterPreference

Verdict = Literal["ok", "fail", "undefined"]
Flip = Literal["gained", "lost", "changed", "same"]


@dataclass(frozen=True)
class Baseline(LetterFree, LetterPreference):
    """The unmodified model on the evaluation questions."""

    acc: float
    "share of questions whose most probable letter is correct"
    com: float
    "share of examples with at least two of three questions answered correctly, or three of four with rotations"
    n_examples: int
    n_questions: int
    acc_interval: Interval
    "95% bootstrap over examples"
    com_interval: Interval
    letters: dict[str, float]
    "letter → share of questions in which it is the most probable"
    letter_accuracy: dict[str, float | None]
    "letter → accuracy over the questions for which it is correct; None without such a question"
    competent: bool
    "whether accuracy is clearly above chance and no letter is chosen much more often than by random guesses"
    complaint: str | None
    "why the model is not competent, as a sentence"
    chance: float = 0.25
    "accuracy of random guesses among the options that are not neutral; above 0.25 if there are neutral ones"
    even_letters: dict[str, float] = field(default_factory=lambda: dict.fromkeys("ABCD", 0.25))
    "letter → share of the questions in which such guesses choose it"


@dataclass(frozen=True)
class GridRow(LetterFree, LetterPreference, EffectParts):
    """The effect of one intervention compared with the baseline."""

    k: int
    "budget: number of neurons asked for, good and bad together"
    ratio: float
    "share of good neurons in the budget"
    direction: Direction
    position: str
    source: str
    n_good: int
    "number of good neurons used; less than asked for if the ranking has no more"
    n_bad: int
    acc: float
    com: float
    rac: float | None
    "change of Acc in percent of the baseline's, positive in the intended direction; None if the baseline's is 0"
    rcc: float | None
    "the same for Com"
    rac_interval: Interval | None
    "95% paired bootstrap over examples; None if the baseline is 0 in more than half of the resamples"
    rcc_interval: Interval | None
    mean_p_correct: float
    "probability of the correct letter among the four, averaged over questions"
    letters: dict[str, float]
    "letter → share of questions in which it is the most probable"
    verdict: Verdict
    "fail: rac or rcc is negative; undefined: one of them is None"
    excite: float = field(default=2.0, kw_only=True)
    "factor of excited neurons"
    silence: str = field(default="zero", kw_only=True)
    "the value of silenced neurons: zero or mean"


@dataclass(frozen=True)
class RandomRow(GridRow):
    """The effect of random control sets: means over the seeds. Intervals, and low and high, are the range."""

    n_seeds: int
    acc_low: float
    acc_high: float
    com_low: float
    com_high: float
    rac_low: float | None
    rac_high: float | None
    rcc_low: float | None
    rcc_high: float | None


@dataclass(frozen=True)
class Best(LetterFree, EffectParts):
    """The best ratio of one budget and direction, with its effect on held-out examples."""

    k: int
    direction: Direction
    source: str
    ratio: float
    "the ratio with the highest RAC + RCC (undefined ones are ignored); ties go to the one nearest 0.5, then the lower"
    rac: float | None
    rcc: float | None
    verdict: Verdict
    heldout_rac: float | None
    "RAC with the ratio chosen on one half of the examples and measured on the other; mean of both ways, or None"
    heldout_rcc: float | None
    heldout_ratios: tuple[float, float]
    "the ratio chosen on each half"
    rac_interval: Interval | None
    "95% bootstrap over the examples of each half, with the ratio chosen anew in every resample"
    rcc_interval: Interval | None
    heldout_rac_interval: Interval | None
    heldout_rcc_interval: Interval | None


@dataclass(frozen=True)
class RandomBest:
    """The effect of random control sets, each at its own best ratio: means and ranges over the seeds."""

    source: str
    "random+ or random"
    k: int
    direction: Direction
    n_seeds: int
    rac: float | None
    rcc: float | None
    heldout_rac: float | None
    heldout_rcc: float | None
    rac_low: float | None
    rac_high: float | None
    rcc_low: float | None
    rcc_high: float | None
    heldout_rac_low: float | None
    heldout_rac_high: float | None
    heldout_rcc_low: float | None
    heldout_rcc_high: float | None


@dataclass(frozen=True)
class Evaluation:
    """All results of a grid of interventions."""

    baseline: Baseline
    grid: tuple[GridRow, ...]
    "every intervention except the random controls, in the order of the plan"
    random: tuple[RandomRow, ...]
    best: tuple[Best, ...]
    random_best: tuple[RandomBest, ...]


@dataclass(frozen=True)
class QuestionRow:
    """One question without and with an intervention."""

    question_id: str
    example: int
    correct_letter: str
    baseline_letter: str
    new_letter: str
    p_correct_before: float
    "probability of the correct letter among the four in the unmodified model"
    p_correct_after: float
    flip: Flip
    "gained: from wrong to correct; lost: from correct to wrong; changed: from one wrong letter to another"


@dataclass(frozen=True)
class SideEffect:
    """The side effects of one intervention at its budget's best ratio."""

    source: str
    k: int
    ratio: float
    direction: Direction
    letter_mass: float | None
    "mean of P(A) + … + P(D) within the vocabulary; None at position `all`"
    perplexity: float
    "perplexity of the neutral text with the neurons scaled at every token"


@dataclass(frozen=True)
class SideEffects:
    """Side effects of every source, budget and direction at its best ratio, and of one random set for comparison."""

    n_questions: int
    "number of evaluation questions over which the letter mass is averaged"
    letter_mass: float | None
    "letter mass of the unmodified model"
    perplexity: float
    rows: tuple[SideEffect, ...]


Row = TypeVar("Row", Baseline, GridRow, RandomRow, Best, RandomBest)


def evaluation_to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as a dict for json.dumps. Undefined numbers are None, never NaN."""
    return asdict(evaluation)


def evaluation_from_dict(values: dict[str, Any]) -> Evaluation:
    """The inverse of `evaluation_to_dict`. Lists, which JSON makes of tuples, become tuples again."""
    return Evaluation(
        baseline=_row(Baseline, values["baseline"]),
        grid=tuple(_row(GridRow, row) for row in values["grid"]),
        random=tuple(_row(RandomRow, row) for row in values["random"]),
        best=tuple(_row(Best, row) for row in values["best"]),
        random_best=tuple(_row(RandomBest, row) for row in values["random_best"]),
    )


def baseline_from_dict(values: dict[str, Any]) -> Baseline:
    """The inverse of `asdict` for a Baseline. Lists, which JSON makes of tuples, become tuples again."""
    return _row(Baseline, values)


def _row(kind: type[Row], values: dict[str, Any]) -> Row:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return kind(**fields)
