"""Where one neuron fires in the task's texts: strips of coloured tokens, and the same as a table."""

import pandas as pd
import streamlit as st

from neuron_core.control.findings import Context, NeuronContexts
from neuron_core.figures.neuron import visible
from neuron_core.figures.theme import percent, significant
from neuron_core.figures.token_strips import token_strips
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame.background_jobs import ask_for
from pages.shared.frame.folds import unfolded
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.figures import table
from pages.shared.views.neuron_findings import MOST_EXAMPLES, found_of, job_of
from pages.shared.views.tables import SCORE

HIGHEST, LOWEST = "highest value", "lowest value"
TOKEN_STYLE = "background-color: rgba(230, 159, 0, 0.35); font-weight: 600"


def contexts(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The token positions of the task's texts where the neuron's value is highest and lowest."""
    st.header("Where it fires in your data")
    found: NeuronContexts | None = found_of(run, layer, index, "contexts")
    if found is None:
        _search(run, setting, layer, index, "Search your data")
        return
    _strips(found, layer, index)
    with st.expander("Search other texts", key="search_again"):
        _search(run, setting, layer, index, "Search again")


def _search(run: RunFolder, setting: Setting, layer: int, index: int, label: str) -> None:
    most = min(MOST_EXAMPLES, setting.n_examples)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        examples = st.number_input("Examples read", 1, most, most, key=f"context_examples_{most}", width=160)
    note = "Reads the text of each example, without role, demonstration and options, and looks at every token."
    job = job_of(run, layer, index, "contexts", int(examples))
    ask_for(job, run.config().model, label, "ask_contexts", note, primary=label == "Search your data")


def _strips(found: NeuronContexts, layer: int, index: int) -> None:
    take_link("fires", "context_end", [HIGHEST, LOWEST])
    end = st.segmented_control("Shown", [HIGHEST, LOWEST], default=HIGHEST, required=True, key="context_end")
    keep_link("fires", end)
    shown = found.highest if end == HIGHEST else found.lowest
    with st.container(key="strips"):
        st.html(token_strips(shown))
    st.caption(
        f"The neuron's value at each token: amber above zero, blue below; rest the pointer on a token to read it. The "
        f"framed token is the position on the left. {found.n_positions:,} different positions of "
        f"{found.n_texts:,} texts were read; mean {significant(found.mean)}, above 0 at "
        f"{percent(found.share_positive)} of them. ⏎ is a line end."
    )
    if fold := unfolded("As a table", "contexts_as_table"):
        with fold:
            _table(shown, end, layer, index)


def _table(shown: tuple[Context, ...], end: str, layer: int, index: int) -> None:
    frame = _context_frame(shown)
    column = st.column_config
    table(
        frame,
        "contexts",
        f"neuron-{layer}.{index}-contexts",
        f"The {len(frame)} positions with the {end} of neuron {layer}.{index}, the token between its neighbours",
        shown=frame.style.map(lambda _: TOKEN_STYLE, subset=["token"]),
        column_config={
            "value": column.NumberColumn(format=SCORE, width=80),
            "before": column.TextColumn(alignment="right", width="large"),
            "token": column.TextColumn(alignment="center", width="small"),
            "after": column.TextColumn(width="medium"),
            "example": column.TextColumn(width="small"),
            "position": column.NumberColumn(width=80),
        },
    )


def _context_frame(contexts: tuple[Context, ...]) -> pd.DataFrame:
    rows = [
        {
            "value": one.value,
            "before": _one_line(one.before, last=True),
            "token": visible(one.token),
            "after": _one_line(one.after, last=False),
            "example": one.example_id,
            "position": one.position,
        }
        for one in contexts
    ]
    return pd.DataFrame(rows, columns=["value", "before", "token", "after", "example", "position"])


def _one_line(text: str, *, last: bool, length: int = 56) -> str:
    """The end or the beginning of a text, its line ends to be seen."""
    flat = text.replace("\n", "⏎")
    if len(flat) <= length:
        return flat
    return f"…{flat[-length:]}" if last else f"{flat[:length]}…"
