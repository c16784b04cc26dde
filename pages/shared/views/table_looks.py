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

# Cells. A larger table is drawn without styles, which take longer than everything else; one whose cells are links or
# marked must be far larger.
MOST_PLAIN, MOST_STYLED = 4_000, 60_000
# Columns that name methods: shown by their titles.
METHOD_COLUMNS = ("method", "source", "target")
# As in .streamlit/config.toml.
LINKS = {"light": "#005A8C", "dark": "#7CC4EE"}
# A table is texts that are set one by one. Arrow's strings, of which each is copied with all others, take four times as
# long.
pd.set_option("mode.string_storage", "python")


def looks(
    frame: pd.DataFrame, shown: Styler | None, config: Mapping[str, Any], links: Sequence[str]
) -> tuple[Any, dict[str, Any]]:
    """The frame with three significant figures and with the colour of links, and `config` without those formats."""
    named = {name: dict(one) for name, one in config.items()}
    formats = {name: one.get("type_config", {}).get("format") for name, one in named.items()}
    numbers = [
        name for name in frame.select_dtypes("float").columns if formats.get(name) in (None, SCORE) and name in frame
    ]
    # Whole numbers beside missing ones are floats too.
    whole = {name: bool((frame[name].dropna() % 1 == 0).all()) for name in numbers}
    # Streamlit's own of these have a hyphen for a minus.
    printf = {name: form for name, form in formats.items() if name in frame and form != SCORE and _is_printf(form)}
    shares = [name for name, form in formats.items() if form == "percent" and name in frame]
    # Files keep the names that the command line and Python take.
    texts: dict[str, Any] = dict.fromkeys((name for name in METHOD_COLUMNS if name in frame), source_title)
    if "methods" in frame:
        texts["methods"] = lambda names: method_names(tuple(names.split(", ")))
    if frame.size > (MOST_STYLED if links or shown is not None else MOST_PLAIN):
        named |= {name: _short(named.get(name, {})) for name in numbers if not whole[name]}
        return _titled(frame, texts) if shown is None else shown, named
    if not (numbers or printf or shares or links or texts or shown is not None):
        return frame, named
    for name in (*numbers, *printf, *shares):
        if formats.get(name) is not None:
            named[name]["type_config"] = {**named[name]["type_config"], "format": None}
    forms: dict[str, Any] = {name: "{:,.0f}" if whole[name] else three_figures for name in numbers}
    forms |= {name: lambda value, form=form: (form % value).replace("-", MINUS) for name, form in printf.items()}
    # Streamlit's own percents have as many digits as each needs: 1.6%, 28%, 0.42%.
    forms |= dict.fromkeys(shares, "{:.1%}") | texts
    # All at once: each call goes through every cell.
    styled = (frame.style if shown is None else shown).format(forms, na_rep="")
    if not links:
        return styled, named
    colour = LINKS.get(st.context.theme.type or "light", LINKS["light"])
    return styled.map(lambda _: f"color: {colour}", subset=list(links)), named


def _titled(frame: pd.DataFrame, texts: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with the values of these columns as they are shown."""
    return frame.assign(**{name: frame[name].map(form, na_action="ignore") for name, form in texts.items()})


def _short(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a column of numbers whose three digits Streamlit makes."""
    return {**config, "type_config": {"type": "number", **config.get("type_config", {}), "format": SCORE}}


def _is_printf(form: str | None) -> bool:
    return form is not None and form.startswith("%.")


def headings(frame: pd.DataFrame, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`, and spaces for the underscores of names that files have too."""
    named = {name: {"label": name.replace("_", " ")} for name in map(str, frame.columns) if "_" in name}
    said = {name: {key: value for key, value in one.items() if value is not None} for name, one in config.items()}
    return {name: named.get(name, {}) | said.get(name, {}) for name in {**named, **said}}
