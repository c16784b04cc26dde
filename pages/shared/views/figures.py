"""What several pages show: captions, banners, figures and tables with their downloads."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from pandas.io.formats.style import Styler

from neuron_core.control.metrics import Baseline
from neuron_core.figures.theme import describe
from neuron_core.reports.recipes.run import command_of, experiment_command, python_of
from neuron_core.runs.run_folder import RunFolder
from neuron_core.tasks.spreadsheet import safe_csv
from pages.shared.frame import session
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import plain
from pages.shared.frame.presentation import enlarge, presenting
from pages.shared.views.results import baseline_of, setting_of
from pages.shared.views.table_looks import headings, looks
from pages.shared.views.words import changes, method_names, short_title, standing, unbroken

# In pixels: four beside each other where there is room, and where there is not, none of them is cut off.
CARD_WIDTH = 192
# At least; they grow with the window, see the styles of the heading. And how their keys begin.
PROXY_WIDTH, PROXY = 272, "proxy_card_"
# In pixels, of Streamlit's tables; the header has the same.
ROW_HEIGHT = 35
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
    title = session.title_of(run, run_id)
    parts = [
        title if setting.task_name in title else f"{title} ({setting.task_name})",
        short_title(setting.model.title),
        f"{setting.model.dtype} on {setting.model.device}",
        method_names(config.attribution.methods),
        unbroken(f"m = {steps}{'' if rule == 'right' else f' ({rule})'}"),
        unbroken(f"K = {', '.join(map(str, ks))}"),
        # Attribution itself looks at the last position only.
        unbroken(f"position {position or 'last'}"),
        unbroken(f"seed {config.seed}"),
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
    styled, config = looks(frame, shown, config, list(opens or ()))
    options["column_config"] = headings(frame, config)
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
