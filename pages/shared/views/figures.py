"""What several pages show: captions, banners, figures and tables with their downloads."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from pandas.io.formats.style import Styler

from neuron_core.cni.methods import source_title
from neuron_core.control.metrics import Baseline
from neuron_core.figures.theme import MINUS, describe, significant
from neuron_core.reports.recipes.run import command_of, experiment_command, python_of
from neuron_core.runs.run_folder import RunFolder
from neuron_core.tasks.spreadsheet import safe_csv
from pages.shared.frame import session
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import plain
from pages.shared.frame.presentation import enlarge, presenting
from pages.shared.views.results import baseline_of, setting_of
from pages.shared.views.tables import SCORE
from pages.shared.views.words import changes, method_names, short_title, standing

# In pixels: four beside each other where there is room, and where there is not, none of them is cut off.
CARD_WIDTH = 192
# Three beside each other where there is room.
PROXY_WIDTH = 272
# In pixels, of Streamlit's tables; the header has the same.
ROW_HEIGHT = 35
# Cells. A larger table is drawn without styles, which take longer than everything else.
MOST_STYLED = 60_000
# Columns that name methods: shown by their titles.
METHOD_COLUMNS = ("method", "source", "target")
# As in .streamlit/config.toml.
LINKS = {"light": "#005A8C", "dark": "#7CC4EE"}
LABELS = {
    session.START: "Go to Start and run the demo",
    session.ATTRIBUTION: "Go to Attribution and start a run",
    session.LAYERS: "See where the neurons are",
    session.CONTROL: "Go to Control and evaluate",
}


def empty_state(message: str, *pages: str) -> None:
    """What to do first, with links there."""
    with st.container(border=True, key="empty"):
        st.markdown(message)
        for page in pages:
            st.page_link(page, label=LABELS[page], icon=":material/arrow_forward:")


def competence(run: RunFolder) -> None:
    """A banner when the model does not do the task."""
    found = baseline_of(run)
    if found is not None:
        competence_banner(*found)


def footing(run: RunFolder, *, k: int | Sequence[int] | None = None, position: str | None = None) -> None:
    """The end of a page, once: what everything above was made from, and the unmodified model against chance."""
    provenance(run, k=k, position=position)
    found = baseline_of(run)
    if found is not None:
        st.caption(standing(*found))


def competence_banner(baseline: Baseline, source: str) -> None:
    """A warning unless the model does the task. `source`: which questions the baseline was measured on."""
    if baseline.competent:
        return
    if source == "evaluation":
        said = (
            f"This model does not do this task here. {baseline.complaint} Its neurons say nothing about the task; "
            "read what follows as a demonstration of the tool."
        )
    else:
        # A handful of questions, on which a good model may look like chance too.
        said = (
            f"This model may not do this task. {baseline.complaint} This rests on {baseline.n_questions} questions; "
            "run an evaluation to be sure. If the model really cannot do the task, its neurons say nothing about it."
        )
    st.warning(said, icon=":material/warning:")


def provenance(run: RunFolder, *, k: int | Sequence[int] | None = None, position: str | None = None) -> None:
    """The caption under a result, one line: what it was made from. `k`: the budget or budgets that it shows."""
    setting, config = setting_of(run), run.config()
    if setting is None:
        return
    ks = [setting.k] if k is None else [k] if isinstance(k, int) else k
    steps, rule = config.attribution.steps, config.attribution.rule
    run_id = session.run_name(run)
    title = session.run_title(run_id)
    parts = [
        title if setting.task_name in title else f"{title} ({setting.task_name})",
        short_title(setting.model.title),
        f"{setting.model.dtype} on {setting.model.device}",
        method_names(config.attribution.methods),
        f"m = {steps}{'' if rule == 'right' else f' ({rule})'}",
        f"K = {', '.join(map(str, ks))}",
        # Attribution itself looks at the last position only.
        f"position {position or 'last'}",
        f"seed {config.seed}",
        *([f"{changed} changed"] if (changed := changes(config.prompt)) else []),
    ]
    st.caption(plain(" · ".join(parts)), help=f"Run {run_id}")


def figure(fig: go.Figure, key: str, name: str, on_select: Callable[[], None] | None = None) -> None:
    """A figure and, below it, how to save it. `name` is the file's, without ending."""
    if presenting():
        enlarge(fig)
    wanted = st.session_state.get(f"{key}_image", "PNG").lower()
    options: dict[str, Any] = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
    st.plotly_chart(
        fig,
        key=key,
        alt=describe(fig),
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "autoScale2d"],
            "toImageButtonOptions": {"format": wanted, "filename": name, "scale": 2},
        },
        **options,
    )
    with st.popover("Save figure", icon=":material/download:", type="tertiary", key=f"{key}_save"):
        st.segmented_control(
            "The camera above the figure saves",
            ["PNG", "SVG"],
            default="PNG",
            required=True,
            key=f"{key}_image",
        )
        st.download_button(
            "HTML",
            lambda: fig.to_html(include_plotlyjs=True, full_html=True),
            f"{name}.html",
            "text/html",
            key=f"{key}_html",
            on_click="ignore",
        )


def table(
    frame: pd.DataFrame,
    key: str,
    name: str,
    alt: str,
    shown: Styler | None = None,
    opens: Mapping[str, Callable[[Any], None]] | None = None,
    **options: Any,
) -> None:
    """A table and, below it, its downloads. Numbers without a format of their own have three significant figures.

    shown: how it looks, where that is not the frame itself. opens: column → what a click on one of its cells does with
    the cell's value.
    """
    config, widget = options.get("column_config", {}), key
    if "height" in options:
        # A height for many rows leaves no empty ones under few.
        options["height"] = min(options["height"], ROW_HEIGHT * (len(frame) + 1) + 3)
    if opens:
        given, mode = options.pop("on_select", None), options.pop("selection_mode", None)
        options["selection_mode"] = ["single-cell", *([mode] if mode else [])]
        # With other rows it is another table: the first click after its rows have changed would be lost.
        widget = f"{key}_{int(pd.util.hash_pandas_object(frame, index=False).sum()):x}"
        options["on_select"] = _cell_click(frame, key, widget, opens, given)
    styled, config = _looks(frame, shown, config, list(opens or ()))
    options["column_config"] = _headings(frame, config)
    with st.container(key=f"{key}_table"):
        # What is missing stays empty: Streamlit's own word for it is "None".
        st.dataframe(styled, hide_index=True, key=widget, alt=alt, placeholder="", **options)
        _downloads(frame, key, name)


def open_neuron(neuron: str) -> None:
    """Of a click on a neuron's id: its page opens on the next run of the script, see `follow_click`."""
    st.session_state["open_neuron"] = neuron


def _cell_click(
    frame: pd.DataFrame,
    key: str,
    widget: str,
    opens: Mapping[str, Callable[[Any], None]],
    otherwise: Callable[[], None] | None,
) -> Callable[[], None]:
    """Callback of a table: the cell that was clicked opens what it names; a ticked row does what `otherwise` does.

    widget: the key of the table as it is. `otherwise` finds the selection under `key`.
    """

    def take() -> None:
        st.session_state[key] = st.session_state[widget]
        cells = st.session_state[key].selection.cells
        if cells and cells[0][1] in opens:
            row, column = cells[0]
            opens[column](frame.iloc[row][column])
        elif otherwise is not None:
            otherwise()

    return take


def _looks(
    frame: pd.DataFrame, shown: Styler | None, config: Mapping[str, Any], links: Sequence[str]
) -> tuple[Any, dict[str, Any]]:
    """The frame with three significant figures and with the colour of links, and `config` without those formats."""
    named = {name: dict(one) for name, one in config.items()}
    formats = {name: one.get("type_config", {}).get("format") for name, one in named.items()}
    numbers = [
        name for name in frame.select_dtypes("float").columns if formats.get(name) in (None, SCORE) and name in frame
    ]
    shares = [name for name, form in formats.items() if form == "percent" and name in frame]
    titled = [name for name in METHOD_COLUMNS if name in frame]
    named_all = "methods" in frame
    if frame.size > MOST_STYLED or not (numbers or shares or links or titled or named_all or shown is not None):
        return (frame if shown is None else shown), named
    for name in (*numbers, *shares):
        if formats.get(name) is not None:
            named[name]["type_config"] = {**named[name]["type_config"], "format": None}
    styled = (frame.style if shown is None else shown).format(na_rep="")
    # Whole numbers beside missing ones are floats too.
    whole = {name: bool((frame[name].dropna() % 1 == 0).all()) for name in numbers}
    styled = styled.format({name: "{:,.0f}" if whole[name] else _three_figures for name in numbers}, na_rep="")
    # Streamlit's own percents have as many digits as each needs: 1.6%, 28%, 0.42%.
    styled = styled.format("{:.1%}", subset=shares, na_rep="")
    # Files keep the names that the command line and Python take.
    styled = styled.format(source_title, subset=titled, na_rep="")
    if named_all:
        styled = styled.format(lambda names: method_names(tuple(names.split(", "))), subset=["methods"])
    colour = LINKS.get(st.context.theme.type or "light", LINKS["light"])
    return styled.map(lambda _: f"color: {colour}", subset=list(links)), named


def _three_figures(value: float) -> str:
    """Three significant figures; a number that has fewer, as a ratio of 0.5, as it is."""
    short = f"{value:.3g}"
    return short.replace("-", MINUS) if "e" not in short and float(short) == value else significant(value)


def _headings(frame: pd.DataFrame, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`, and spaces for the underscores of names that files have too."""
    named = {name: {"label": name.replace("_", " ")} for name in map(str, frame.columns) if "_" in name}
    said = {name: {key: value for key, value in one.items() if value is not None} for name, one in config.items()}
    return {name: named.get(name, {}) | said.get(name, {}) for name in {**named, **said}}


def _downloads(table: pd.DataFrame, key: str, name: str) -> None:
    """CSV and Parquet, made when asked for."""
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            lambda: safe_csv(table),
            f"{name}.csv",
            "text/csv",
            key=f"{key}_csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Parquet",
            lambda: _parquet(table),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            key=f"{key}_parquet",
            on_click="ignore",
            icon=":material/download:",
        )


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def comparison_recipe(outputs: Sequence[str], runs: Iterable[RunFolder], k: int, python: str | None) -> None:
    """What a page compares, as one command and, unless nothing is compared yet, as Python."""
    if fold := unfolded("Copy the comparison as command", "comparison_command", ":material/terminal:"):
        with fold:
            st.code(experiment_command(outputs, [run.config() for run in runs], k), language="bash", wrap_lines=True)
            st.caption("It makes runs of its own where these are not the same, and writes tables and one HTML report.")
    if python is None:
        return
    if fold := unfolded("Copy the comparison as Python", "comparison_python", ":material/code:"):
        with fold:
            st.code(python, language="python", wrap_lines=True)
            st.caption("It reads the very runs shown; `table` is the table of this page.")


def recipes(run: RunFolder) -> None:
    """The run again, as a command and as Python."""
    config = run.config()
    command = command_of(config)
    if fold := unfolded("Copy as command", "as_command", ":material/terminal:"):
        with fold:
            if command is None:
                st.markdown("The command line does not take every setting of this run; Python does.")
            else:
                st.code(command, language="bash", wrap_lines=True)
    if fold := unfolded("Copy as Python", "as_python", ":material/code:"):
        with fold:
            st.code(python_of(config), language="python", wrap_lines=True)
