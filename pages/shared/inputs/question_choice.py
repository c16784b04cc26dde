"""Which question of an evaluation is shown, and in which direction its neurons are changed."""

import streamlit as st

from neuron_core.analysis.content import short_stems
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.runs.results import Evaluated
from pages.shared.frame.guard import error_box
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.words import shortened


def choose_question(evaluated: Evaluated, usual: int) -> int | None:
    """The question of the address, else the one that changes most. None where the address names none of this run."""
    ids = list(evaluated.probabilities.question_ids)
    wanted = st.query_params.get("q")
    number = ids.index(wanted) if wanted in ids else usual

    def go(to: int) -> None:
        st.query_params["q"] = ids[to % len(ids)]

    def take() -> None:
        st.query_params["q"] = st.session_state["question"]

    stems = dict(zip(ids, short_stems(evaluated.questions), strict=True))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # It follows the address, which the buttons write.
        st.session_state["question"] = ids[number] if wanted is None or wanted in ids else None
        st.selectbox(
            f"Question {number + 1} of {len(ids)}: type words of its text",
            ids,
            key="question",
            on_change=take,
            format_func=lambda name: f"{shortened(stems[name], 110)} ({name})",
            placeholder="choose a question",
        )
        alone = len(ids) == 1
        st.button("Previous", key="previous_question", on_click=go, args=(number - 1,), disabled=alone, shortcut="K")
        st.button("Next", key="next_question", on_click=go, args=(number + 1,), disabled=alone, shortcut="J")
    if wanted is not None and wanted not in ids:
        error_box(f"This run has no question {wanted}", "the address, ?q=", f"for instance {ids[0]}")
        return None
    return number


def choose_direction() -> Direction:
    """Enhancer or degrader; the address holds it."""
    take_link("direction", "direction", DIRECTIONS)
    direction: Direction = st.segmented_control(
        "Direction", DIRECTIONS, default="degrader", required=True, key="direction", persist_state="session"
    )
    keep_link("direction", direction)
    return direction


def take_mark() -> None:
    """Callback of the strip: the question that was clicked opens."""
    points = st.session_state["question_strip"].selection.points
    if points and points[0].get("customdata"):
        st.query_params["q"] = points[0]["customdata"]["question"]
