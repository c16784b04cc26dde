"""Measures that a model's preference for letters does not change, and that preference itself. No torch.

x is log P of a letter among the four. The score of an option is the mean of x over the letters on which it stood. With
rotations every option stands on every letter once, so whatever depends on the letter alone adds the same amount to all
four options and cancels exactly. With three shuffles the mean letter preference is subtracted first, which is an
approximation. See docs/method.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.tasks.task import LETTERS

N = len(LETTERS)


@dataclass(frozen=True, eq=False)
class LetterSamples:
    """Letter-free measures of C columns. Row 0 is the sample itself, each further row a resample; B rows in all."""

    removed: NDArray[np.float64]
    "accuracy after the mean letter preference, estimated in each row, is subtracted, (B, C)"
    content_acc: NDArray[np.float64] | None
    "share of examples whose correct option has the highest score, (B, C); None if the options are not known"
    content_margin: NDArray[np.float64] | None
    "mean over examples of the correct option's score minus the mean of the other three, in nats, (B, C)"


@dataclass(frozen=True, eq=False)
class LetterUse:
    """The preferences of C columns for letters, whatever option stands on them."""

    preference: NDArray[np.float64]
    "mean of x over questions for each letter, centred, in nats, (C, 4)"
    shares: NDArray[np.float64] | None
    """variance of x within questions that is explained by example and option, by the letter, and by neither, (C, 3);
    they add up to 1. None without rotations; NaN where nothing varies"""

    @property
    def spread(self) -> NDArray[np.float64]:
        """The largest preference minus the smallest, in nats, (C,)."""
        return np.ptp(self.preference, axis=1)


def log_letters(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """x of every question and column: log P among the four, in nats. A P of 0 is taken as the smallest float32."""
    return np.log(np.maximum(values.astype(np.float64), np.finfo(np.float32).tiny))


def is_rotated(p: OptionProbabilities) -> bool:
    """Whether every option of every example stands on each letter equally often."""
    if p.options is None or not len(p.options):
        return False
    _, row = np.unique(p.examples, return_inverse=True)
    cells = (row[:, None] * N + np.arange(N)) * N + p.options
    counts = np.bincount(cells.reshape(-1), minlength=(row.max() + 1) * N * N).reshape(-1, N * N)
    return bool((counts == counts[:, :1]).all())


def option_scores(p: OptionProbabilities, columns: list[int]) -> NDArray[np.float64] | None:
    """The score of every option: the mean of x over the letters on which it stood, (E, C, 4).

    Option 0 is the correct one. Without rotations, the letter preference of the column is subtracted first. None if the
    options are not known.
    """
    if p.options is None:
        return None
    x = log_letters(p.values[:, columns])
    if not is_rotated(p):
        x = x - x.mean(axis=0)
    _, row, n_questions = np.unique(p.examples, return_inverse=True, return_counts=True)
    scores = np.zeros((len(n_questions) * N, len(columns)))
    for letter in range(N):
        np.add.at(scores, row * N + p.options[:, letter], x[:, :, letter])
    return scores.reshape(-1, N, len(columns)).transpose(0, 2, 1) / n_questions[:, None, None]


def content_margins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correct option's score minus the mean of the other three, in nats. scores: (…, 4). Returns shape (…)."""
    margins: NDArray[np.float64] = scores[..., 0] - scores[..., 1:].mean(axis=-1)
    return margins


def content_right(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the correct option has the highest score. scores: (…, 4). Returns shape (…)."""
    right: NDArray[np.bool_] = scores[..., 0] > scores[..., 1:].max(axis=-1)
    return right


def letter_use(p: OptionProbabilities, columns: list[int]) -> LetterUse:
    """The letter preference and the shares of variance of some columns."""
    x = log_letters(p.values[:, columns])
    x -= x.mean(axis=2, keepdims=True)
    preference = x.mean(axis=0)
    if not is_rotated(p):
        return LetterUse(preference, None)
    scores = option_scores(p, columns)
    assert scores is not None
    scores -= scores.mean(axis=2, keepdims=True)
    each = len(x) / len(scores)
    total = (x**2).sum(axis=(0, 2))
    content, letters = each * (scores**2).sum(axis=(0, 2)), len(x) * (preference**2).sum(axis=1)
    parts = np.stack([content, letters, np.maximum(total - content - letters, 0)], axis=1)
    shares = np.divide(parts, total[:, None], out=np.full(parts.shape, np.nan), where=total[:, None] > 0)
    return LetterUse(preference, shares)


def letter_samples(p: OptionProbabilities, columns: list[int], weights: NDArray[np.float64]) -> LetterSamples:
    """The measures over the examples, weighted by each row of `weights`, (B, E). The first row is all ones."""
    x = log_letters(p.values[:, columns])
    _, row, n_questions = np.unique(p.examples, return_inverse=True, return_counts=True)
    sums = np.zeros((len(n_questions), *x.shape[1:]))
    np.add.at(sums, row, x)
    total = weights @ n_questions
    preference = np.tensordot(weights, sums, axes=1) / total[:, None, None]
    counts = [_right_without(x[:, c], p.targets, preference[:, c], weights, row) for c in range(len(columns))]
    removed = np.stack(counts, axis=1) / total[:, None] if columns else np.zeros((len(weights), 0))
    scores = option_scores(p, columns)
    if scores is None:
        return LetterSamples(removed, None, None)
    n_examples = weights.sum(axis=1, keepdims=True)
    acc = weights @ content_right(scores).astype(np.float64) / n_examples
    return LetterSamples(removed, acc, weights @ content_margins(scores) / n_examples)


def _right_without(
    x: NDArray[np.float64],
    targets: NDArray[np.int8],
    preference: NDArray[np.float64],
    weights: NDArray[np.float64],
    example: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Weighted number of questions whose correct letter has the highest x − preference. Ties go to the first letter.

    x: (Q, 4); preference: (B, 4); weights: whole numbers, (B, E); example: of each question, (Q,). Returns shape (B,).
    Only for questions near a tie does the answer depend on the row's preference, so only these are computed for every
    row.
    """
    places, letters = targets.astype(np.intp), np.arange(N)
    lead = np.take_along_axis(x, places[:, None], axis=1) - x
    needed = preference[:, :, None] - preference[:, None, :]
    others = letters != places[:, None]
    sure = ((lead > needed.max(axis=0)[places]) | ~others).all(axis=1)
    open_still = ~sure & ~((lead < needed.min(axis=0)[places]) & others).any(axis=1)
    found: NDArray[np.float64] = weights @ np.bincount(example[sure], minlength=weights.shape[1]).astype(np.float64)
    for q in np.flatnonzero(open_still):
        need, place = needed[:, places[q]], places[q]
        right = ((lead[q] > need) | ((lead[q] == need) & (letters >= place))).all(axis=1)
        found += weights[:, example[q]] * right
    return found
