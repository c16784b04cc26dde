"""Whether prompts fit the model of the next run: the worker counts, which has its tokenizer."""

from pathlib import Path

import streamlit as st

from neuron_core.errors import RunError
from neuron_core.runs.errands import LengthsErrand
from neuron_core.runs.lengths import Lengths, read_lengths
from neuron_core.tasks.library import keep
from neuron_core.tasks.reading import NoGoodRow, TaskReading
from pages.shared import state
from pages.shared.engine import engine
from pages.shared.guard import error_box, guard, plain
from pages.shared.tasks import tasks_folder

WAIT_S = 600.0


def fitting(reading: TaskReading) -> TaskReading:
    """The reading without the examples found too long; as it is where nothing was counted for it and this model."""
    known, spec, lengths = st.session_state.get("data_lengths", (None, None, None))
    if known is not reading or spec != state.model_spec():
        return reading
    try:
        return lengths.applied(reading)  # type: ignore[no-any-return]
    except NoGoodRow as error:
        error_box(error.what, error.where, "shorter texts, or a model with a longer context")
        return reading


def length_check(reading: TaskReading, fits: str | None) -> None:
    """What is known of the lengths, and the button that counts. reading: before any was left out."""
    if fits is not None:
        st.caption(plain(f"Every prompt of these examples fits {fits}."))
        return
    spec = state.model_spec()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Check the length of prompts", key="data_check_lengths", icon=":material/straighten:"):
            with guard(), st.spinner("Counting tokens; a model that is not in memory is loaded first"):
                st.session_state["data_lengths"] = (reading, spec, counted(reading))
                st.rerun()
        st.caption(f"Not checked: whether prompts, worded as usual, fit the context of {plain(spec.title)}.")


def counted(reading: TaskReading) -> Lengths:
    """Waits for the worker. RunError: a run is using another model, or ten minutes pass; ModelError from the model."""
    path = keep(reading.task, tasks_folder() / "checked", "lengths")
    answer = path.with_suffix(".json")
    errand = LengthsErrand(str(path), str(answer))
    try:
        desk = engine().errands
        desk.start(errand, state.model_spec())
        ended = desk.wait(errand, WAIT_S)
        if ended is None or not ended.ended:
            desk.cancel(errand)
            raise RunError("the prompts were not counted within ten minutes", accepted="python -m neuron_core validate")
        if ended.failure is not None:
            raise ended.failure
        return read_lengths(answer)
    finally:
        for file in (path, answer):
            Path(file).unlink(missing_ok=True)
