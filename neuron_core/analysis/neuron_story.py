"""One neuron in a few sentences made from its measurements: what it writes, what it moves, where it fires. No torch."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from neuron_core.analysis.neuron import QuestionScore, Standing
from neuron_core.control.findings import Context, NeuronContexts, NeuronEffect, NeuronTokens, TokenLogit
from neuron_core.tasks.task import LETTERS

NAMED = 4
"tokens that a sentence names"
MOST = 2 / 3
"share of the positions, or of the questions, that a sentence about them speaks for"
LEAST_SHIFT = 0.0005
"mean change of a probability below which a neuron alone is said to move nothing"
MINUS = "\N{MINUS SIGN}"


def standing_said(one: Standing, scores: Sequence[QuestionScore]) -> str:
    """Its rank, and for how many questions of the run it speaks. scores: of one target."""
    if one.role is None:
        return "This neuron is neither good nor bad in this run."
    said = f"Number {one.rank:,} of {one.n_role:,} {one.role} neurons."
    if scores:
        n_for = sum(score.ig > 0 for score in scores)
        said += f" It speaks for the correct answer in {n_for} of {len(scores)} attribution questions."
    return said


def writes(tokens: NeuronTokens, values: Sequence[float]) -> str | None:
    """The tokens that it makes more likely where the answer is chosen.

    values: the neuron's own, at the last token of the run's questions; empty where they are not known. A negative value
    turns the write vector round, so their sign says which end of the vocabulary counts; where it differs from question
    to question, both ends do.
    """
    n_negative = sum(value < 0 for value in values)
    at_answer = f"At the answer its value is {np.mean(values):.3g} on average" if values else ""
    at_answer = at_answer.replace("-", MINUS)
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
    """`writes the letter B`, `suppresses the letter B`, or the first few tokens. up, down: strongest first."""
    if not up or not down:
        return None
    for verb, end in (("writes", up), ("suppresses", down)):
        if (letter := end[0].token.strip()) in LETTERS:
            return f"{verb} the letter {letter}"
    return f"writes {', '.join(f'“{_shown(one.token)}”' for one in up[:NAMED])}"


def moves(effect: NeuronEffect) -> str:
    """What doubling it alone does to the four probabilities: the right answer's, and those of single letters."""
    change = np.array(effect.doubled, dtype=float) - np.array(effect.unmodified, dtype=float)
    targets = np.array(effect.targets)
    correct = float(change[np.arange(len(targets)), targets].mean())
    # Where every letter is right equally often, a change of the right answer moves no letter's mean.
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
    return f"{100 * change:+.3g} points".replace("-", MINUS)


def fires_on(contexts: NeuronContexts) -> str | None:
    """What the positions with its highest values have in common; else the tokens there. None without a position.

    Of a neuron whose lowest values are larger than its highest ones, those are looked at.
    """
    if not contexts.highest:
        return None
    end, said = _loudest(contexts)
    up_to = f"{'up' if said == 'highest' else 'down'} to {end[0].value:.3g}".replace("-", MINUS)
    if kind := _in_common(end):
        name, n = kind
        return f"In the task's texts it fires on {name}: {n} of its {len(end)} {said} values, {up_to}."
    different = [f"“{_shown(one.token)}”" for one in {_shown(one.token): one for one in end}.values()][:NAMED]
    return f"In the task's texts its {said} values are at {', '.join(different)}, {up_to}."


def headline(tokens: NeuronTokens, values: Sequence[float], contexts: NeuronContexts | None) -> str | None:
    """The shortest of all: `Suppresses the letter A; fires on punctuation`. None where nothing stands out."""
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
    """The end with the larger values, and its name."""
    high, low = contexts.highest, contexts.lowest
    return (low, "lowest") if low and -low[0].value > max(high[0].value, 0.0) else (high, "highest")


def _in_common(end: Sequence[Context]) -> tuple[str, int] | None:
    """What most of these tokens have in common, and how many of them."""
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
