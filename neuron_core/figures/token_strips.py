"""Shows where a neuron fires, as lines of text whose tokens are coloured by the neuron's value. No torch."""

import html
from collections.abc import Sequence

from neuron_core.control.findings import Context
from neuron_core.figures.theme import significant

BEFORE, AFTER = 14, 8
"tokens shown around a position"
STRONGEST = 0.6
"opacity of the largest value, chosen so that text keeps its contrast on light and dark pages"
POSITIVE, NEGATIVE = "230,159,0", "86,180,233"
LINE_ENDS = str.maketrans({"\n": "⏎", "\r": "", "\t": "⇥"})


def token_strips(contexts: Sequence[Context]) -> str:
    """HTML with a line for each position: the value, then the tokens, amber for positive values and blue for negative
    ones.

    Colours are paler near zero, and the pointer shows a token's value. All texts are escaped. Findings from before the
    values of neighbours were kept have a colour only at the position itself.
    """
    pieces = [_pieces(one) for one in contexts]
    largest = max((abs(value) for line in pieces for _, value, _ in line if value is not None), default=0.0) or 1.0
    lines = []
    for one, line in zip(contexts, pieces, strict=True):
        tokens = "".join(_token(text, value, here, largest) for text, value, here in line)
        where = html.escape(f"example {one.example_id}, token {one.position}", quote=True)
        lines.append(
            f'<li title="{where}"><span class="strip-value">{significant(one.value)}</span>'
            f'<span class="strip-text">{tokens}</span></li>'
        )
    return f'{STYLE}<ol class="strips">{"".join(lines)}</ol>'


def _pieces(one: Context) -> list[tuple[str, float | None, bool]]:
    """For each token shown: its text, its value or None, and whether it is the position itself."""
    if not one.tokens:
        return [(one.before[-80:], None, False), (one.token, one.value, True), (one.after[:40], None, False)]
    start, end = max(0, one.place - BEFORE), one.place + AFTER + 1
    return [
        (token, value, place == one.place)
        for place, (token, value) in enumerate(zip(one.tokens, one.values, strict=True))
        if start <= place < end
    ]


def _token(text: str, value: float | None, here: bool, largest: float) -> str:
    shown = html.escape(text.translate(LINE_ENDS), quote=True)
    if value is None:
        return f"<span>{shown}</span>"
    alpha = STRONGEST * min(1.0, abs(value) / largest)
    colour = POSITIVE if value >= 0 else NEGATIVE
    name = ' class="strip-here"' if here else ""
    return f'<span{name} title="{significant(value)}" style="background: rgba({colour},{alpha:.2f})">{shown}</span>'


STYLE = """<style>
.strips {list-style: none; margin: 0; padding: 0; font-size: .95rem}
.strips li {display: flex; gap: .8rem; margin: 0 0 .25rem; padding: 0; align-items: baseline}
.strip-value {flex: 0 0 4.2rem; text-align: right; font-variant-numeric: tabular-nums}
.strip-text {white-space: pre; overflow: hidden; text-overflow: ellipsis; font-family: var(--st-code-font, monospace)}
.strip-text span {padding: .1rem 0; border-radius: 2px}
.strip-here {font-weight: 700; outline: 1.5px solid currentColor}
</style>"""
