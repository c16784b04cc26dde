"""What an evaluation comes to, as frozen values that survive JSON. No torch."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from neuron_core.control.interventions import Direction

Interval = tuple[float, float]
Verdict = Literal["ok", "fail", "undefined"]
Flip = Literal["gained", "lost", "changed", "same"]


@dataclass(frozen=True, kw_only=True)
class LetterFree:
    """Measures that a preference of letters does not move (docs/method.md).

    Intervals are 95% over examples, with everything that is chosen or estimated done anew in each resample; of random
    sets the range over the seeds. None in an evaluation whose options are not known.
    """

    content_acc: float | None = None
    "share of examples whose correct option has the highest score, a mean of log P over the letters it stood on"
    content_acc_interval: Interval | None = None
    content_margin: float | None = None
    "score of the correct option less the mean of the three others, mean over examples, in nats"
    content_margin_interval: Interval | None = None
    acc_letters_removed: float | None = None
    "accuracy with the mean preference of each letter, under the same intervention, taken out of log P"
    acc_letters_removed_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class LetterPreference:
    """What a model does with letters, whatever stands on them."""

    letter_preference: dict[str, float] | None = None
    "letter → mean of log P over the questions, centred, in nats"
    letter_spread: float | None = None
    "largest preference less the smallest, in nats"
    variance_shares: dict[str, float] | None = None
    "content (example and option), letters, residual → share of the variance of log P; None without rotations"


@dataclass(frozen=True, kw_only=True)
class EffectParts:
    """RAC as a sum of two parts, in percent, and accuracy against content accuracy; intervals as of LetterFree."""

    rac_content: float | None = None
    "RAC of the accuracies with letters removed"
    rac_content_interval: Interval | None = None
    rac_letters: float | None = None
    "the rest: rac less rac_content"
    rac_letters_interval: Interval | None = None
    acc_beyond_content: float | None = None
    """change of accuracy less change of content accuracy, both in the intended direction, as a share of 1: answers that
    change although the option with the highest score, over the letters it stood on, stays. None without rotations
    """
    acc_beyond_content_interval: Interval | None = None


@dataclass(frozen=True)
class Baseline(LetterFree, LetterPreference):
    """The unmodified model on the evaluation questions."""

    acc: float
    "share of questions whose highest letter is the correct one"
    com: float
    "share of examples with at least two of their three questions right, three of four with rotations"
    n_examples: int
    n_questions: int
    acc_interval: Interval
    "95% bootstrap over examples"
    com_interval: Interval
    letters: dict[str, float]
    "letter → share of questions where it is the highest"
    letter_accuracy: dict[str, float | None]
    "letter → accuracy over the questions whose correct letter it is; None without such a question"
    competent: bool
    "accuracy is told from chance, and no letter is the answer much more often than to blind picks"
    complaint: str | None
    "why it is not competent, in plain words"
    chance: float = 0.25
    "accuracy of blind picks among the options that are not neutral ones; more than 0.25 where those fill up"
    even_letters: dict[str, float] = field(default_factory=lambda: dict.fromkeys("ABCD", 0.25))
    "letter → share of the questions in which such picks take it"


@dataclass(frozen=True)
class GridRow(LetterFree, LetterPreference, EffectParts):
    """One intervention against the baseline."""

    k: int
    "budget: neurons asked for, good and bad together"
    ratio: float
    "share of good neurons in the budget"
    direction: Direction
    position: str
    source: str
    n_good: int
    "good neurons used; fewer than asked for when the ranking has no more"
    n_bad: int
    acc: float
    com: float
    rac: float | None
    "change of Acc in percent of the baseline's, positive in the intended direction; None when that is 0"
    rcc: float | None
    "the same for Com"
    rac_interval: Interval | None
    "95% paired bootstrap over examples; None when the baseline is 0 in more than half of the resamples"
    rcc_interval: Interval | None
    mean_p_correct: float
    "mean over questions of the correct letter's probability among the four"
    letters: dict[str, float]
    "letter → share of questions where it is the highest"
    verdict: Verdict
    "fail: rac or rcc is negative; undefined: one of them is None"
    excite: float = field(default=2.0, kw_only=True)
    "factor of excited neurons"
    silence: str = field(default="zero", kw_only=True)
    "what silenced neurons were set to: zero or mean"


@dataclass(frozen=True)
class RandomRow(GridRow):
    """The same cell for random control sets: means over the seeds; intervals and low, high are the range."""

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
    """The best ratio of one budget and direction, and what the choice is worth on held-out examples."""

    k: int
    direction: Direction
    source: str
    ratio: float
    "highest RAC + RCC, ties nearest 0.5, then the lower; an undefined part has no say"
    rac: float | None
    rcc: float | None
    verdict: Verdict
    heldout_rac: float | None
    "chosen on one half of the examples, measured on the other, halves swapped, averaged; None if either is"
    heldout_rcc: float | None
    heldout_ratios: tuple[float, float]
    "the ratio that either half chose"
    rac_interval: Interval | None
    "95% bootstrap over the examples of each half, the ratio chosen anew in every resample"
    rcc_interval: Interval | None
    heldout_rac_interval: Interval | None
    heldout_rcc_interval: Interval | None


@dataclass(frozen=True)
class RandomBest:
    """What the same choice of the best ratio makes of random control sets: means and range over the seeds."""

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
    """Everything the pages and the command line show about a grid of interventions."""

    baseline: Baseline
    grid: tuple[GridRow, ...]
    "every intervention that is no random control, in the plan's order"
    random: tuple[RandomRow, ...]
    best: tuple[Best, ...]
    random_best: tuple[RandomBest, ...]


@dataclass(frozen=True)
class QuestionRow:
    """One question before and under an intervention."""

    question_id: str
    example: int
    correct_letter: str
    baseline_letter: str
    new_letter: str
    p_correct_before: float
    "probability of the correct letter among the four, unmodified model"
    p_correct_after: float
    flip: Flip
    "gained: wrong to right; lost: right to wrong; changed: one wrong letter to another"


@dataclass(frozen=True)
class SideEffect:
    """What one intervention, at its budget's best ratio, does beside the task."""

    source: str
    k: int
    ratio: float
    direction: Direction
    letter_mass: float | None
    "mean of P(A) + … + P(D) within the vocabulary; None at position `all`"
    perplexity: float
    "of the neutral text, the neurons scaled at every token"


@dataclass(frozen=True)
class SideEffects:
    """Side effects of the best ratio of every source, budget and direction, and of one random set beside."""

    n_questions: int
    "evaluation questions over which the mass is averaged"
    letter_mass: float | None
    "of the unmodified model"
    perplexity: float
    rows: tuple[SideEffect, ...]


Row = TypeVar("Row", Baseline, GridRow, RandomRow, Best, RandomBest)


def evaluation_to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """A dict for json.dumps; None where a number is undefined, never NaN."""
    return asdict(evaluation)


def evaluation_from_dict(values: dict[str, Any]) -> Evaluation:
    """The inverse of `evaluation_to_dict`, also after JSON has made lists of the tuples."""
    return Evaluation(
        baseline=_row(Baseline, values["baseline"]),
        grid=tuple(_row(GridRow, row) for row in values["grid"]),
        random=tuple(_row(RandomRow, row) for row in values["random"]),
        best=tuple(_row(Best, row) for row in values["best"]),
        random_best=tuple(_row(RandomBest, row) for row in values["random_best"]),
    )


def baseline_from_dict(values: dict[str, Any]) -> Baseline:
    """The inverse of `asdict` of a Baseline, also after JSON has made lists of the tuples."""
    return _row(Baseline, values)


def _row(kind: type[Row], values: dict[str, Any]) -> Row:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return kind(**fields)
