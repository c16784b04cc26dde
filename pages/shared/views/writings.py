"""Two texts beside each other, plain and steered, with the tokens marked in which they differ."""

import streamlit as st

from neuron_core.analysis.writings import Pieces, differing
from neuron_core.control.findings import Generation, Written
from neuron_core.figures.theme import counted
from pages.shared.frame.guard import plain


def both(texts: Generation) -> None:
    """The two texts beside each other, as plain text."""
    for column, name, written, pieces in zip(
        st.columns(2, border=True),
        ("Plain", "Steered"),
        (texts.plain, texts.steered),
        differing(texts),
        strict=True,
    ):
        with column:
            st.markdown(f"**{name}**")
            st.markdown(marked(pieces) or "…")
            st.caption(how_it_ended(written))


def marked(pieces: Pieces) -> str:
    """The text as Markdown that shows it as it is, with a coloured ground under the tokens that differ."""
    lines = [""]
    for text, differs in pieces:
        for number, line in enumerate(text.split("\n")):
            if number:
                lines.append("")
            said = plain(line)
            lines[-1] += f":orange-background[{said}]" if differs and line.strip() else said
    # A line that ends in a backslash is broken there, also where it is empty.
    return "\\\n".join(lines).strip("\\\n ")


def how_it_ended(written: Written) -> str:
    n = len(written.token_ids)
    return f"{counted(n, 'token')}; the model ended it." if written.ended else f"{counted(n, 'token')}."


def parted(texts: Generation) -> str:
    """Where the two texts part."""
    pairs = zip(texts.plain.token_ids, texts.steered.token_ids, strict=False)
    place = next((i for i, (one, other) in enumerate(pairs, start=1) if one != other), None)
    if place is not None:
        return f"The texts differ from new token {place} on."
    return "The texts are the same." if texts.plain == texts.steered else "One text goes on where the other ends."
