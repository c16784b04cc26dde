"""Measures that several results share: letter-free ones, letter preferences and the parts of RAC. No torch."""

from dataclasses import dataclass

Interval = tuple[float, float]
"lower and upper end"


@dataclass(frozen=True, kw_only=True)
class LetterFree:
    """Measures that a model's preference for letters does not change (docs/method.md).

    Intervals are 95% bootstraps over examples. Each resample estimates the letter preference and chooses the ratio
    anew. For random sets, intervals are the range over the seeds. None in an evaluation whose options are not known.
    """

    content_acc: float | None = None
    "share of examples whose correct option has the highest score (mean of log P over the letters it stood on)"
    content_acc_interval: Interval | None = None
    content_margin: float | None = None
    "score of the correct option minus the mean of the other three, averaged over examples, in nats"
    content_margin_interval: Interval | None = None
    acc_letters_removed: float | None = None
    "accuracy after the mean preference for each letter, under the same intervention, is subtracted from log P"
    acc_letters_removed_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class LetterPreference:
    """A model's preference for letters, whatever options stand on them."""

    letter_preference: dict[str, float] | None = None
    "letter → mean of log P over the questions, centred, in nats"
    letter_spread: float | None = None
    "the largest preference minus the smallest, in nats"
    variance_shares: dict[str, float] | None = None
    "share of the variance of log P due to content (example and option), letters, residual; None without rotations"


@dataclass(frozen=True, kw_only=True)
class EffectParts:
    """RAC as the sum of two parts, in percent, and accuracy compared with content accuracy. Intervals as in
    `LetterFree`.
    """

    rac_content: float | None = None
    "RAC of the accuracies with letters removed: the content part"
    rac_content_interval: Interval | None = None
    rac_letters: float | None = None
    "the letter part: rac − rac_content"
    rac_letters_interval: Interval | None = None
    acc_beyond_content: float | None = None
    """Change of accuracy minus change of content accuracy, both in the intended direction, as a share of 1. It counts
    answers that change although the option with the highest score stays the same. None without rotations.
    """
    acc_beyond_content_interval: Interval | None = None
