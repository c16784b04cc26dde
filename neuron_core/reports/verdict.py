"""Puts the result of one intervention into a sentence for a visitor, from its numbers. No torch."""

from dataclasses import dataclass

from neuron_core.control.effect import Effect, effect_of
from neuron_core.control.measures import Interval
from neuron_core.control.results import Baseline, GridRow, SideEffects
from neuron_core.figures.theme import counted, percent, signed
from neuron_core.runs.results import BAND, Cell

CLEAR_FALL = 0.1
"fall of the probability of the four letters together from which on the verdict mentions it"
MOSTLY = 0.5
"share of an effect from which a part counts as most of it"


@dataclass(frozen=True)
class Verdict:
    """The result of one cell of the grid in words."""

    effect: Effect
    sentence: str
    "the change of accuracy with its interval, and that of the random sets"
    parts: str | None
    "how much of the change is letters and how much is content; None if that was not measured"
    mostly_letters: bool
    """Whether the letter part, or the part that content accuracy does not show, is most of the change, with an interval
    above zero.
    """


def verdict_of(cell: Cell, baseline: Baseline, task: str) -> Verdict:
    """Describes a cell of the grid by its change of accuracy on `task`."""
    row = cell.row
    random = _random(cell)
    effect = effect_of(row.rac, row.rac_interval, random)
    good, bad = counted(row.n_good, "good neuron"), counted(row.n_bad, "bad neuron")
    doubled, silenced = (good, bad) if row.direction == "enhancer" else (bad, good)
    changes = [
        part
        for part, n in (
            (f"doubling {doubled}", row.n_good if row.direction == "enhancer" else row.n_bad),
            (f"silencing {silenced}", row.n_bad if row.direction == "enhancer" else row.n_good),
        )
        if n
    ]
    done = " and ".join(changes) or "changing no neuron"
    before, after = percent(baseline.acc), percent(row.acc)
    moved = (
        f"leaves the accuracy on {task} at {before}"
        if before == after
        else (f"takes the accuracy on {task} from {before} to {after}")
    )
    sentence = f"{done[:1].upper()}{done[1:]} {moved}"
    if row.rac is None:
        sentence += "; the unmodified model has no correct answer, so a relative change is not defined."
    else:
        interval = "" if row.rac_interval is None else f", {_interval(row.rac_interval)}"
        sentence += f" (RAC {signed(row.rac)}%{interval})."
    if random is not None and cell.random is not None:
        low, high = random
        sets = counted(cell.random.n_seeds, "random set").capitalize()
        sentence += f" {sets} of the same size: RAC {_range(low, high)}%."
    parts, letters = _parts(cell, baseline)
    return Verdict(effect, sentence, parts, letters)


def letters_lost(effects: SideEffects, cell: Cell) -> str | None:
    """A sentence when the intervention takes away the probability of answering with a letter at all; else None.

    It is measured at the best ratio of a budget and direction, beside one random set of the same size.
    """
    rows = {(one.source, one.k, one.direction): one.letter_mass for one in effects.rows}
    best, before = cell.best, effects.letter_mass
    after = rows.get((best.source, best.k, best.direction))
    random = rows.get((f"{BAND}-0", best.k, best.direction))
    if before is None or after is None or before - after < CLEAR_FALL:
        return None
    if random is not None and before - random > (before - after) / 2:
        return None
    beside = "" if random is None else f"; a random set leaves it at {percent(random, 1)}"
    where = "" if cell.row.ratio == best.ratio else f" at ratio {best.ratio:g}"
    return (
        f"The model also stops answering with letters{where}: P(A–D), the probability of any of the four, falls from "
        f"{percent(before, 1)} to {percent(after, 1)}{beside}."
    )


def _parts(cell: Cell, baseline: Baseline) -> tuple[str | None, bool]:
    row = cell.row
    letters, content, interval = row.rac_letters, row.rac_content, row.rac_letters_interval
    if letters is None or content is None or row.rac is None:
        return None, False
    mostly = row.rac > 0 and letters >= MOSTLY * row.rac and interval is not None and interval[0] > 0
    kept = _content_kept(row, baseline)
    text = f"Its two parts: letters {_part(letters, interval)} and content {_part(content, row.rac_content_interval)}."
    if mostly or kept:
        text = f"Most of this change is an effect on letters, not on the content of the answers. {text}"
    return f"{text} {kept}" if kept else text, mostly or bool(kept)


def _content_kept(row: GridRow, baseline: Baseline) -> str:
    """A sentence if most of the change of accuracy, beyond chance, is not a change of content accuracy; else empty."""
    beyond, interval = row.acc_beyond_content, row.acc_beyond_content_interval
    changed = abs(row.acc - baseline.acc)
    if not changed or beyond is None or interval is None or row.content_acc is None or baseline.content_acc is None:
        return ""
    if interval[0] <= 0 or beyond < MOSTLY * changed:
        return ""
    before, after = percent(baseline.content_acc), percent(row.content_acc)
    moved = f"stays at {before}" if before == after else f"goes from {before} to {after}"
    return f"With each option averaged over the letters it stood on, accuracy {moved}."


def _random(cell: Cell) -> Interval | None:
    if cell.random is None or cell.random.rac_low is None or cell.random.rac_high is None:
        return None
    return cell.random.rac_low, cell.random.rac_high


def _range(low: float, high: float) -> str:
    """Two ends, or one number where both read the same."""
    return signed(low) if signed(low) == signed(high) else f"{signed(low)} to {signed(high)}"


def _part(value: float, interval: Interval | None) -> str:
    return f"{signed(value)}%" + ("" if interval is None else f" ({_interval(interval)})")


def _interval(interval: Interval) -> str:
    return f"95% interval {signed(interval[0])} to {signed(interval[1])}%"
