"""How tables of pages look: three significant figures, percents, titles of methods, the colour of links."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from neuron_core.cni.methods import source_title
from neuron_core.figures.theme import MINUS, three_figures
from pages.shared.views.tables import SCORE
from pages.shared.views.words import method_names

# Cells. A larger table is drawn without styles, which take longer than everything else.
MOST_STYLED = 60_000
# Columns that name methods: shown by their titles.
METHOD_COLUMNS = ("method", "source", "target")
# As in .streamlit/config.toml.
LINKS = {"light": "#005A8C", "dark": "#7CC4EE"}


def looks(
    frame: pd.DataFrame, shown: Styler | None, config: Mapping[str, Any], links: Sequence[str]
) -> tuple[Any, dict[str, Any]]:
    """The frame with three significant figures and with the colour of links, and `config` without those formats."""
    named = {name: dict(one) for name, one in config.items()}
    formats = {name: one.get("type_config", {}).get("format") for name, one in named.items()}
    numbers = [
        name for name in frame.select_dtypes("float").columns if formats.get(name) in (None, SCORE) and name in frame
    ]
    # Streamlit's own of these have a hyphen for a minus.
    printf = {name: form for name, form in formats.items() if name in frame and form != SCORE and _is_printf(form)}
    shares = [name for name, form in formats.items() if form == "percent" and name in frame]
    titled = [name for name in METHOD_COLUMNS if name in frame]
    named_all = "methods" in frame
    if frame.size > MOST_STYLED or not (
        numbers or printf or shares or links or titled or named_all or shown is not None
    ):
        return (frame if shown is None else shown), named
    for name in (*numbers, *printf, *shares):
        if formats.get(name) is not None:
            named[name]["type_config"] = {**named[name]["type_config"], "format": None}
    styled = (frame.style if shown is None else shown).format(na_rep="")
    # Whole numbers beside missing ones are floats too.
    whole = {name: bool((frame[name].dropna() % 1 == 0).all()) for name in numbers}
    forms: dict[str, Any] = {name: "{:,.0f}" if whole[name] else three_figures for name in numbers}
    forms |= {name: lambda value, form=form: (form % value).replace("-", MINUS) for name, form in printf.items()}
    styled = styled.format(forms, na_rep="")
    # Streamlit's own percents have as many digits as each needs: 1.6%, 28%, 0.42%.
    styled = styled.format("{:.1%}", subset=shares, na_rep="")
    # Files keep the names that the command line and Python take.
    styled = styled.format(source_title, subset=titled, na_rep="")
    if named_all:
        styled = styled.format(lambda names: method_names(tuple(names.split(", "))), subset=["methods"])
    colour = LINKS.get(st.context.theme.type or "light", LINKS["light"])
    return styled.map(lambda _: f"color: {colour}", subset=list(links)), named


def _is_printf(form: str | None) -> bool:
    return form is not None and form.startswith("%.")


def headings(frame: pd.DataFrame, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`, and spaces for the underscores of names that files have too."""
    named = {name: {"label": name.replace("_", " ")} for name in map(str, frame.columns) if "_" in name}
    said = {name: {key: value for key, value in one.items() if value is not None} for name, one in config.items()}
    return {name: named.get(name, {}) | said.get(name, {}) for name in {**named, **said}}
