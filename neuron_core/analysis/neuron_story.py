"""Describes one neuron in a few sentences made from its measurements: what it writes, changes and fires on. No
torch.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from neuron_core.analysis.neuron import QuestionScore, Standing
from neuron_core.control.findings import Context, NeuronContexts, NeuronEffect, NeuronTokens, TokenLogit
from neuron_core.tasks.task import LETTERS

NAMED = 4
"number of tokens that a sentence names"
MOST = 2 / 3
"share of the positions or questions that must agree before a sentence says something about them"
LEAST_SHIFT = 0.0005
"mean change of a probability below which a neuron counts as moving little"
LEAST_POINTS = 0.001
"percentage points below which a change is not written out"
MINUS = "\N{MINUS SIGN}"


def standing_said(one: Standing, scores: Sequence[QuestionScore], n_questions: int) -> str:
    """The neuron's rank, and for how many questions its score is positive.

    scores: its scores under one target, of the first of the n_questions attribution questions or of all of them.
    """
    if one.role is None:
        return "This neuron is neither good nor bad in this run."
    said = f"Number {one.rank:,} of {one.n_role:,} {one.role} neurons."
    if scores:
        n_for = sum(score.ig > 0 for score in scores)
        of = f"{len(scores):,}" if len(scores) == n_questions else f"the first {len(scores):,} of {n_questions:,}"
        said += f" It raises the score of the correct answer in {n_for:,} of {of} attribution questions."
    return said


def writes(tokens: NeuronTokens, values: Sequence[float]) -> str | None:
    """The tokens that the neuron makes more likely at the answer.

    values: the neuron's values at the last token of the run's questions; empty if they are not known. A negative value
    reverses the write vector, so the sign tells which end of the vocabulary matters. If it differs between questions,
    both ends are named.
    """
    n_negative = sum(value < 0 for value in values)
    at_answer = f"At the answer its value is {_number(float(np.mean(values)))} on average" if values else ""
    positive, negative = _pushes(tokens.promoted, tokens.suppressed), _pushes(tokens.suppressed, tokens.promoted)
    if not positive or not negative:
        return None
    if not values:
        return f"Where its value is positive it {positive}."
    if n_negative <= (1 - MOST) * len(values):
        return f"{at_answer}: it {positive}."
    if n_negative >= MOST * len(values):
        return f"{at_answer}, which turns its write vector round: it {negative}."
    return (
        f"Its value changes sign from question to question. Where positive it {positive}; where negative it {negative}."
    )


def _pushes(up: Sequence[TokenLogit], down: Sequence[TokenLogit]) -> str | None:
    """`writes the letter B`, `suppresses the letter B`, or the strongest tokens. up, down: tokens, strongest first."""
    if not up or not down:
        return None
    for verb, end in (("writes", up), ("suppresses", down)):
        if (letter := end[0].token.strip()) in LETTERS:
            return f"{verb} the letter {letter}"
    return f"writes {', '.join(f'“{_shown(one.token)}”' for one in up[:NAMED])}"


def moves(effect: NeuronEffect) -> str:
    """The effect of doubling only this neuron on the probability of the correct answer and on single letters."""
    change = np.array(effect.doubled, dtype=float) - np.array(effect.unmodified, dtype=float)
    targets = np.array(effect.targets)
    correct = float(change[np.arange(len(targets)), targets].mean())
    # If every letter is correct equally often, a change of the correct answer changes no letter's mean.
    counts = np.bincount(targets, minlength=len(LETTERS))
    by_letter = change.mean(axis=0)
    strongest = int(np.abs(by_letter).argmax())
    of = f"over {len(targets)} {effect.source} questions"
    if counts.max() <= 1.5 * max(1, counts.min()) and abs(by_letter[strongest]) >= max(2 * abs(correct), LEAST_SHIFT):
        return (
            f"Alone, it moves a letter more than the right answer: doubled, it changes P({LETTERS[strongest]}) by "
            f"{_points(by_letter[strongest])} and P(correct) by {_points(correct)} on average {of}."
        )
    if abs(correct) < LEAST_SHIFT:
        return f"Alone, it moves little: doubled, it changes P(correct) by {_points(correct)} on average {of}."
    return f"Alone and doubled, it changes P(correct) by {_points(correct)} on average {of}."


def _points(change: float) -> str:
    points = 100 * change
    return f"{_number(points, sign='+')} points" if abs(points) >= LEAST_POINTS else f"less than {LEAST_POINTS} points"


def _number(value: float, sign: str = "") -> str:
    """Three significant figures without an exponent."""
    short = float(f"{value:.3g}")
    said = f"{short:{sign},.0f}" if abs(short) >= 100 else f"{short:{sign}.3g}"
    return said.replace("-", MINUS)


def fires_on(contexts: NeuronContexts) -> str | None:
    """What the tokens at its highest values have in common, or else these tokens. None without a position.

    If the neuron's lowest values are larger in size than its highest ones, they are described instead.
    """
    if not contexts.highest:
        return None
    end, said = _loudest(contexts)
    up_to = f"{'up' if said == 'highest' else 'down'} to {_number(end[0].value)}"
    if kind := _in_common(end):
        name, n = kind
        return f"In the task's texts it fires on {name}: {n} of its {len(end)} {said} values, {up_to}."
    different = [f"“{_shown(one.token)}”" for one in {_shown(one.token): one for one in end}.values()][:NAMED]
    return f"In the task's texts its {said} values are at {', '.join(different)}, {up_to}."


def headline(tokens: NeuronTokens, values: Sequence[float], contexts: NeuronContexts | None) -> str | None:
    """A very short description, such as `Suppresses the letter A; fires on punctuation`. None if nothing stands out."""
    n_negative = sum(value < 0 for value in values)
    up, down = tokens.promoted, tokens.suppressed
    if values and n_negative > len(values) / 2:
        up, down = down, up
    parts = [_pushes(up, down)] if values else []
    if contexts is not None and contexts.highest and (kind := _in_common(_loudest(contexts)[0])):
        parts.append(f"fires on {kind[0]}")
    said = "; ".join(filter(None, parts))
    return said[:1].upper() + said[1:] or None


def _loudest(contexts: NeuronContexts) -> tuple[tuple[Context, ...], str]:
    """The positions with the larger values (highest or lowest), and which they are."""
    high, low = contexts.highest, contexts.lowest
    return (low, "lowest") if low and -low[0].value > max(high[0].value, 0.0) else (high, "highest")


def _in_common(end: Sequence[Context]) -> tuple[str, int] | None:
    """What most of these tokens have in common, and how many tokens have it."""
    for kind, fits in KINDS.items():
        if (n := sum(fits(one.token) for one in end)) >= MOST * len(end):
            return kind, n
    token, n = Counter(_shown(one.token).lower() for one in end).most_common(1)[0]
    if n >= MOST * len(end):
        return f"“{token}”", n
    n = sum(one.position <= 1 for one in end)
    return ("the beginning of a text", n) if n >= MOST * len(end) else None


def _shown(token: str) -> str:
    return token.strip() or repr(token)[1:-1].replace(" ", "␣")


KINDS: dict[str, Callable[[str], bool]] = {
    "numbers": lambda token: token.strip().isdigit(),
    "spaces and line ends": lambda token: not token.strip(),
    "punctuation": lambda token: bool(token.strip()) and not any(sign.isalnum() for sign in token),
    "capital letters": lambda token: token.strip()[:1].isupper(),
}
"what tokens can have in common, in words → whether a token has it; the first that fits most of them is said"
