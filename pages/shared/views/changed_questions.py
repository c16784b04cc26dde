"""The questions of an evaluation before and under one intervention."""

from dataclasses import asdict

import pandas as pd
import streamlit as st

from neuron_core.control.metrics import GridRow, QuestionRow, question_rows
from neuron_core.runs.results import Evaluated
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import error_box
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.drawn import option_bars
from pages.shared.views.figures import figure, table
from pages.shared.views.questions_strip import largest_change
from pages.shared.views.results import evaluated_of
from pages.shared.views.words import options_text

FILTERS = ("all", "gained", "lost", "changed")
COLUMNS = {
    "question_id": "question",
    "flip": "flip",
    "correct_letter": "correct",
    "baseline_letter": "before",
    "new_letter": "after",
    "p_correct_before": "P(correct) before",
    "p_correct_after": "P(correct) after",
}


def flips(run: RunFolder, cell: GridRow) -> None:
    """The table of questions, filtered by what became of them, and one chosen question."""
    evaluated = evaluated_of(run)
    if evaluated is None:
        return
    st.header("Question by question")
    place = evaluated.column(cell.k, cell.ratio, cell.direction, cell.source)
    rows = question_rows(evaluated.probabilities, evaluated.plan, place)
    counts = {name: sum(name in ("all", row.flip) for row in rows) for name in FILTERS}
    take_link("flips", "flips", FILTERS)
    chosen = st.segmented_control(
        "Show",
        FILTERS,
        default="all",
        required=True,
        key="flips",
        format_func=lambda name: f"{name} ({counts[name]})",
        help="gained: wrong to right; lost: right to wrong; changed: from one wrong letter to another.",
    )
    keep_link("flips", chosen)
    shown = [row for row in rows if chosen in ("all", row.flip)]
    _table(shown, f"{session.shown_id()}-k{cell.k}-r{cell.ratio:g}-{cell.direction}")
    if shown:
        _question(run, cell, evaluated, place, shown)


def _table(rows: list[QuestionRow], name: str) -> None:
    frame = pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS)).rename(columns=COLUMNS)

    def open_one(name: str) -> None:
        st.query_params["q"] = name

    def open_selected() -> None:
        chosen = st.session_state["questions"].selection.rows
        if chosen:
            open_one(rows[chosen[0]].question_id)

    percent = st.column_config.NumberColumn(format="percent")
    table(
        frame,
        "questions",
        f"questions-{name}",
        f"{len(rows)} questions with their answers before and under the intervention",
        height=320,
        opens={"question": open_one},
        on_select=open_selected,
        selection_mode="single-row",
        column_config={"P(correct) before": percent, "P(correct) after": percent},
    )
    st.caption("Click a question's id, or tick it, to open it below.")


def _question(run: RunFolder, cell: GridRow, evaluated: Evaluated, place: int, rows: list[QuestionRow]) -> None:
    """One question: stem, options, and the four bars. The address holds which."""
    ids = [row.question_id for row in rows]
    wanted = st.query_params.get("q")
    if wanted is not None and wanted not in ids:
        everywhere = evaluated.probabilities.question_ids
        if wanted not in everywhere:
            error_box(f"This run has no question {wanted}", "the address, ?q=", "a question of the table")
        else:
            st.info("The question in the address is not among those shown; here is the one that changes most.")
    number = ids.index(wanted) if wanted in ids else largest_change(rows, cell.direction)

    def go(by: int) -> None:
        st.query_params["q"] = ids[(number + by) % len(ids)]

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="previous_question", on_click=go, args=(-1,), disabled=len(ids) == 1)
        st.button("Next", key="next_question", on_click=go, args=(1,), disabled=len(ids) == 1)
        st.text(f"{number + 1} of {len(ids)}: question {ids[number]}, {rows[number].flip}")
        st.page_link(
            session.QUESTION,
            label="Open under every method",
            icon=":material/help_center:",
            query_params={"run": session.shown_id() or run.id, "q": ids[number]},
        )
    q = evaluated.probabilities.question_ids.index(ids[number])
    question, values = evaluated.questions[q], evaluated.probabilities.values[q]
    beside = st.container(horizontal=True)
    with beside.container(width=400):
        st.text(question.stem)
        st.text(options_text(question))
    with beside.container():
        labels = [f"{option.letter}. {option.text}" for option in question.options]
        bar_figure = option_bars(values[0].tolist(), values[1 + place].tolist(), question.target, labels)
        figure(bar_figure, "question_bars", f"question-{ids[number].replace('#', '-')}")
