"""Numbers and states as the pages say them."""

import time
from typing import Literal

from neuron_core.cni.methods import source_title
from neuron_core.control.competence import shifted_letter
from neuron_core.control.effect import Effect, effect_of
from neuron_core.control.metrics import Baseline, GridRow
from neuron_core.control.results import SideEffects
from neuron_core.figures.theme import significant
from neuron_core.models.spec import EMBEDDED_TITLES
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.proxies import Option, ProxyQuestion
from neuron_core.runs.results import BAND, Cell
from neuron_core.runs.run_folder import RunStatus

MINUS = "\N{MINUS SIGN}"
NO_METHOD = "neuron sets"
STATES = {
    "queued": "waiting",
    "running": "running",
    "done": "finished",
    "cancelled": "cancelled",
    "failed": "failed",
    "interrupted": "interrupted",
}
STAGES = {"loading": "Loading the model", "attribution": "Attribution", "evaluation": "Evaluation"}
SETTINGS = {
    "role": "role",
    "rule": "rule",
    "stem": "stem",
    "demonstration": "demonstration",
    "letter": "letter of the demonstration",
    "distractors": "source of wrong options",
    "template": "template",
}
EFFECTS: dict[Effect, str] = {
    "clear": ":green-badge[Clear effect, beyond random]",
    "clear, no random sets": ":green-badge[Clear effect] :gray-badge[no random sets to compare with]",
    "not distinguishable": ":gray-badge[Not distinguishable from random]",
    "against": ":red-badge[Against the intention]",
    "undefined": ":gray-badge[Undefined]",
}


def method_names(methods: tuple[str, ...]) -> str:
    """How a run found its neurons."""
    return ", ".join(map(source_title, methods)) or NO_METHOD


def change(value: float | None) -> str:
    """RAC or RCC: `+4.2%`, `0.0%`, `undefined`."""
    if value is None:
        return "undefined"
    # Without its sign where it rounds to nothing.
    return f"{value:+.1f}%".replace("-", MINUS) if abs(value) >= 0.05 else "0.0%"


def between(low: float | None, high: float | None) -> str:
    """Two ends of an interval or range: `−2.1 to +4.2%`; one number where both read the same."""
    if low is None or high is None:
        return "undefined"
    return change(low) if change(low) == change(high) else f"{change(low).removesuffix('%')} to {change(high)}"


def effect_badge(cell: Cell, measure: Literal["rac", "rcc"] = "rac") -> str:
    """Whether a cell of the grid does what it is meant to, by its interval and beside the random sets."""
    low, high = (getattr(cell.random, f"{measure}_{end}", None) for end in ("low", "high"))
    random = None if low is None or high is None else (low, high)
    return EFFECTS[effect_of(getattr(cell.row, measure), getattr(cell.row, f"{measure}_interval"), random)]


def duration(seconds: float) -> str:
    """`12 s`, `3 min 5 s`, `1 h 10 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(n_bytes: float) -> str:
    """`540 MB`, `1.2 GB`."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes, 1e5) / 1e6:.3g} MB"


def unbroken(text: str) -> str:
    """The text with spaces at which no line ends."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def shortened(text: str, length: int) -> str:
    """The beginning of a longer text, to the end of a word where there is one, and an ellipsis."""
    if len(text) <= length:
        return text
    start = text[:length]
    return f"{start.rpartition(' ')[0] or start} …"


def short_title(title: str) -> str:
    """A model's name without what an embedded one says of itself in parentheses."""
    return title.partition(" (")[0] if title in EMBEDDED_TITLES.values() else title


def moment(seconds: float) -> str:
    """A date and time of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def progress(status: RunStatus) -> str:
    """What a run is doing now."""
    stage = STAGES.get(status.stage, "Starting")
    if status.state == "queued":
        return "Waiting for its turn"
    if not status.total:
        return f"{stage}: {status.message}" if status.message else f"{stage} …"
    left = f", about {duration(status.eta_s)} left" if status.eta_s else ""
    return f"{stage}: {status.done} of {status.total} questions{left}"


def options_text(question: ProxyQuestion) -> str:
    """The four answer lines, the correct one and neutral ones marked."""

    def mark(option: Option) -> str:
        return (
            "  ←\N{NO-BREAK SPACE}correct" if option.correct else "  (added neutral option)" if option.neutral else ""
        )

    return "\n".join(f"{option.letter}. {option.text}{mark(option)}" for option in question.options)


def standing(baseline: Baseline, source: str) -> str:
    """The unmodified model against chance, and how often it takes each letter."""
    low, high = baseline.acc_interval
    letters = ", ".join(unbroken(f"{letter} {share:.0%}") for letter, share in baseline.letters.items())
    return (
        f"Unmodified model: accuracy {baseline.acc:.0%} (95% interval {low:.0%} to {high:.0%}; chance is "
        f"{baseline.chance:.0%}), comprehension {baseline.com:.0%}, on {baseline.n_questions} {source} questions. "
        f"Letters chosen: {letters}."
    )


def changes(prompt: PromptConfig) -> str:
    """Which settings of the prompt are not the usual ones: `role, stem`; empty where all are."""
    return ", ".join(said for name, said in SETTINGS.items() if getattr(prompt, name) != getattr(USUAL, name))


def letters_under(row: GridRow, baseline: Baseline) -> str:
    """How often each letter is chosen under an intervention, and before it."""
    shares = ", ".join(f"{one} {share:.0%} (was {baseline.letters[one]:.0%})" for one, share in row.letters.items())
    return f"Letters chosen after the change: {shares}."


def side_effects_in_words(effects: SideEffects, cell: Cell) -> str | None:
    """What the best ratio of the cell's budget does beside the task, and what a random set does."""
    best = cell.best
    where = {(one.source, one.k, one.direction): one for one in effects.rows}
    ours = where.get((best.source, best.k, best.direction))
    control = where.get((f"{BAND}-0", best.k, best.direction))
    if ours is None:
        return None
    mass = ""
    if ours.letter_mass is not None and effects.letter_mass is not None:
        beside = f", random {control.letter_mass:.1%}" if control and control.letter_mass is not None else ""
        mass = (
            f"probability on the letters A to D {ours.letter_mass:.1%} (was {effects.letter_mass:.1%}{beside}; "
            f"{effects.n_questions} questions); "
        )
    beside = f", random {significant(control.perplexity)}" if control else ""
    return (
        f"Side effects at the best ratio {best.ratio:g}: {mass}perplexity of a neutral text "
        f"{significant(ours.perplexity)} (was {significant(effects.perplexity)}{beside})."
    )


def letter_warning(row: GridRow, baseline: Baseline) -> str | None:
    """A sentence when the intervention moves one letter far; an effect on a letter looks like one on the task."""
    letter = shifted_letter(baseline.letters, row.letters)
    if letter is None:
        return None
    return (
        f"The letter {letter} goes from {baseline.letters[letter]:.0%} to {row.letters[letter]:.0%} of the answers. "
        "A change of accuracy here may be an effect on this letter rather than on the task."
    )
