"""How well the unmodified model does, and a warning if that is not enough. No torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.letter_free import LetterSamples, LetterUse, letter_samples, letter_use
from neuron_core.control.measures import Interval
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Baseline
from neuron_core.control.tally import PERCENTILES, Tally, intervals

LETTERS = "ABCD"
MOST_ABOVE_EVEN = 0.15
"a letter may be chosen for this share of the questions more than random guesses choose it"
VARIANCE = ("content", "letters", "residual")
LETTER_SHIFT = 0.15
"change of a letter's share of all answers from which on it is worth a warning"


def measured_baseline(p: OptionProbabilities, counts: Tally, weights: NDArray[np.float64]) -> Baseline:
    """Measures column 0 of `p`. weights: bootstrap weights of the examples, shape (B, E)."""
    right = p.correct[:, 0]
    acc, com = float(right.mean()), float(counts.comprehended[:, 0].mean())
    acc_samples = weights @ counts.right[:, 0] / (weights @ counts.n_questions)
    com_samples = weights @ counts.comprehended[:, 0] / len(counts.right)
    acc_interval, com_interval = _range_of(acc_samples), _range_of(com_samples)
    letters = by_letter(letter_shares(p.values[:, :1])[0])
    even = by_letter(np.array(p.even_letters))
    complaint = _complaint(acc, acc_interval, letters, p.chance, even)
    samples = letter_samples(p, [0], np.concatenate([np.ones((1, weights.shape[1])), weights]))
    of_letter = [right[p.targets == place] for place in range(len(LETTERS))]
    return Baseline(
        acc=acc,
        com=com,
        n_examples=len(counts.right),
        n_questions=len(right),
        acc_interval=acc_interval,
        com_interval=com_interval,
        letters=letters,
        letter_accuracy={
            letter: float(own.mean()) if len(own) else None for letter, own in zip(LETTERS, of_letter, strict=True)
        },
        competent=complaint is None,
        complaint=complaint,
        chance=p.chance,
        even_letters=even,
        **letter_free_fields(samples, 0),
        **preference_fields(letter_use(p, [0]), 0),
    )


def letter_free_fields(samples: LetterSamples, column: int, rows: NDArray[np.intp] | None = None) -> dict[str, Any]:
    """The fields of LetterFree for one column. rows: the column of each resample, if each resample chose its own."""
    found: dict[str, Any] = {}
    measures = {
        "content_acc": samples.content_acc,
        "content_margin": samples.content_margin,
        "acc_letters_removed": samples.removed,
    }
    for name, values in measures.items():
        if values is not None:
            own = values[:, column] if rows is None else values[np.arange(len(values)), rows]
            found |= {name: float(own[0]), f"{name}_interval": intervals(own[1:, None])[0]}
    return found


def preference_fields(use: LetterUse, column: int) -> dict[str, Any]:
    """The fields of LetterPreference for one column."""
    shares = None if use.shares is None or np.isnan(use.shares[column]).any() else use.shares[column].tolist()
    return {
        "letter_preference": by_letter(use.preference[column]),
        "letter_spread": float(use.spread[column]),
        "variance_shares": shares and dict(zip(VARIANCE, shares, strict=True)),
    }


def letter_shares(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of questions in which each letter is the highest. values: (Q, C, 4). Returns shape (C, 4)."""
    highest = values.argmax(axis=2)
    return np.stack([(highest == place).mean(axis=0) for place in range(len(LETTERS))], axis=1)


def by_letter(shares: NDArray[np.float64]) -> dict[str, float]:
    """A mapping from letter to share. shares: (4,)."""
    return dict(zip(LETTERS, shares.tolist(), strict=True))


def shifted_letter(before: dict[str, float], after: dict[str, float]) -> str | None:
    """The letter whose share changed most, if it changed by LETTER_SHIFT or more. Ties go to the first letter."""
    letter = max(LETTERS, key=lambda one: abs(after[one] - before[one]))
    return letter if abs(after[letter] - before[letter]) >= LETTER_SHIFT else None


def _range_of(samples: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(samples, PERCENTILES)
    return float(low), float(high)


def too_many(even: float) -> float:
    """The share of the questions above which a letter is the answer too often. even: its share in random guesses."""
    # 25% and 15% make 40%, not 40.000000000000006%.
    return round(even + MOST_ABOVE_EVEN, 9)


def _complaint(
    acc: float, acc_interval: Interval, letters: dict[str, float], chance: float, even: dict[str, float]
) -> str | None:
    low, high = acc_interval
    sentences = []
    if low <= chance:
        standing = "is below chance" if high < chance else "can't be told from chance"
        sentences.append(f"Its accuracy of {acc:.0%} (95% interval {low:.0%} to {high:.0%}) {standing} ({chance:.0%}).")
    letter = max(letters, key=lambda one: letters[one] - even[one])
    if letters[letter] > too_many(even[letter]):
        often, guessed = letters[letter], even[letter]
        sentences.append(
            f"It answers {letter} to {often:.0%} of the questions; a guess would be {letter} in {guessed:.0%}."
        )
    return " ".join(sentences) or None
