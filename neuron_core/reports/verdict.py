"""One run's result as a sentence that a visitor understands, made from its numbers. No torch."""

from dataclasses import dataclass

from neuron_core.control.effect import Effect, effect_of
from neuron_core.control.results import Baseline, GridRow, Interval
from neuron_core.figures.theme import counted, percent, signed
from neuron_core.runs.results import Cell

MOSTLY = 0.5
"a part of an effect is most of it from this share on"


@dataclass(frozen=True)
class Verdict:
    """What a cell of the grid comes to."""

    effect: Effect
    sentence: str
    "the change of accuracy, its interval, the random sets beside it"
    parts: str | None
    "how much of it is letters and how much content; None where that was not measured"
    mostly_letters: bool
    """whether the letter part, or what content accuracy does not show, is most of the change, with an interval above
    zero
    """


def verdict_of(cell: Cell, baseline: Baseline, task: str) -> Verdict:
    """The sentence of one cell, by its change of accuracy."""
    row = cell.row
    random = _random(cell)
    effect = effect_of(row.rac, row.rac_interval, random)
    good, bad = counted(row.n_good, "good neuron"), counted(row.n_bad, "bad neuron")
    doubled, silenced = (good, bad) if row.direction == "enhancer" else (bad, good)
    said = [
        part
        for part, n in (
            (f"doubling {doubled}", row.n_good if row.direction == "enhancer" else row.n_bad),
            (f"silencing {silenced}", row.n_bad if row.direction == "enhancer" else row.n_good),
        )
        if n
    ]
    done = " and ".join(said) or "changing no neuron"
    before, after = percent(baseline.acc), percent(row.acc)
    moved = (
        f"leaves the accuracy on {task} at {before}"
        if before == after
        else (f"takes the accuracy on {task} from {before} to {after}")
    )
    sentence = f"{done[:1].upper()}{done[1:]} {moved}"
    if row.rac is None:
        sentence += "; without a right answer before, no relative change is defined."
    else:
        sentence += f" (RAC {signed(row.rac)} %{_interval(row.rac_interval)})."
    if random is not None and cell.random is not None:
        low, high = random
        sets = counted(cell.random.n_seeds, "random set").capitalize()
        sentence += f" {sets} of the same size: RAC {signed(low)} to {signed(high)} %."
    parts, letters = _parts(cell, baseline)
    return Verdict(effect, sentence, parts, letters)


def _parts(cell: Cell, baseline: Baseline) -> tuple[str | None, bool]:
    row = cell.row
    letters, content, interval = row.rac_letters, row.rac_content, row.rac_letters_interval
    if letters is None or content is None or row.rac is None:
        return None, False
    mostly = row.rac > 0 and letters >= MOSTLY * row.rac and interval is not None and interval[0] > 0
    kept = _content_kept(row, baseline)
    said = (
        f"Letters {signed(letters)} %{_interval(interval)}, content {signed(content)} %"
        f"{_interval(row.rac_content_interval)}."
    )
    if mostly or kept:
        said = f"Most of this change is an effect on letters, not on the content of the answers. {said}"
    return f"{said} {kept}" if kept else said, mostly or bool(kept)


def _content_kept(row: GridRow, baseline: Baseline) -> str:
    """A sentence where most of the change of accuracy is not one of content accuracy, beyond chance; else empty."""
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


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f", 95% interval {signed(interval[0])} to {signed(interval[1])}"
