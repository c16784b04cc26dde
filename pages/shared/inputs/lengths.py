"""Whether prompts fit the model of the next run: told by their characters, or counted by the worker."""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from neuron_core.errors import Cancelled, NeuronCoreError
from neuron_core.models.hub_cache import has_cached_tokenizer
from neuron_core.models.local_files import files_state
from neuron_core.models.spec import ModelSpec
from neuron_core.service.jobs import JobState, LengthsJob
from neuron_core.service.prompt_lengths import Lengths, read_lengths
from neuron_core.tasks.library import keep
from neuron_core.tasks.reading import TaskReading
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import error_box, plain
from pages.shared.inputs.tasks import tasks_folder
from pages.shared.views.words import short_title

POLL_S, OLD_S = 0.3, 24 * 3600.0
NOT_CHECKED = "Not checked: whether prompts with the usual wording fit the context of"


def fitting(reading: TaskReading) -> TaskReading:
    """The reading without the examples whose prompts are too long for the model of the next run.

    Where that can't be known it says why and what can be done, and the reading is as it was. NoGoodRow: all are.
    """
    spec = session.model_spec()
    model = spec, files_state(spec)
    known, of_model, found = st.session_state.get("data_lengths", (None, None, None))
    if known is not reading or of_model != model:
        found = _found(reading, spec)
        if found is None:
            return reading
        st.session_state["data_lengths"] = (reading, model, found)
    if isinstance(found, NeuronCoreError):
        _failed(found, spec)
        return reading
    fits = found.applied(reading)
    model = plain(short_title(found.model))
    st.caption(f"With the usual wording, every prompt fits the context of {model}: {found.limit:,} tokens.")
    return fits


def _found(reading: TaskReading, spec: ModelSpec) -> Lengths | NeuronCoreError | None:
    """What is known, or why nothing is; None where counting was skipped or waits to be asked for."""
    try:
        known, of_spec, by_characters = st.session_state.get("data_characters", (None, None, None))
        if known is not reading or of_spec != spec:
            by_characters = Lengths.by_characters(reading.task, spec)
            st.session_state["data_characters"] = (reading, spec, by_characters)
        if by_characters is not None:
            return by_characters  # type: ignore[no-any-return]
        slot = st.container(horizontal=True, vertical_alignment="center")
        if spec.is_hub and not has_cached_tokenizer(spec) and st.session_state.get("data_ask_hub") != spec:
            # Nothing is fetched without being asked for.
            if slot.button("Check the length of prompts", key="data_check_lengths", icon=":material/straighten:"):
                st.session_state["data_ask_hub"] = spec
                st.rerun()
            slot.caption(f"{NOT_CHECKED} {plain(short_title(spec.title))}. Its tokenizer would be fetched.")
            return None
        if st.session_state.get("data_unchecked") == (reading, spec):
            slot.caption(f"{NOT_CHECKED} {plain(short_title(spec.title))}.")
            if slot.button("Check them", key="data_check_lengths", icon=":material/straighten:"):
                del st.session_state["data_unchecked"]
                st.rerun()
            return None
        return _counted(reading, spec)
    except NeuronCoreError as error:
        return error


def _failed(error: NeuronCoreError, spec: ModelSpec) -> None:
    error_box(error.what, error.where, error.accepted)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{NOT_CHECKED} {plain(short_title(spec.title))}.")
        if st.button("Try again", key="data_check_lengths", icon=":material/refresh:"):
            del st.session_state["data_lengths"]
            st.rerun()


def _counted(reading: TaskReading, spec: ModelSpec) -> Lengths:
    """Waits for the worker and shows how far it is; a button skips the rest. Raises what the worker says."""
    jobs, job, slot = engine().jobs, _job(reading, spec), st.empty()
    with slot.container():
        bar = st.progress(0.0)
        if st.button("Skip", key="data_skip_lengths", icon=":material/skip_next:"):
            jobs.cancel(job)
            st.session_state["data_unchecked"] = (reading, spec)
            st.rerun()
    # A script that is interrupted here finds the same job the next time.
    began = jobs.state(job)
    if began is None or (began.ended and (began.failure or not Path(job.file).is_file())):
        jobs.start(job, spec)
    while not (now := jobs.state(job) or JobState(0, ended=True)).ended or isinstance(now.failure, Cancelled):
        if now.ended:
            # Another session, with the same file, skipped it.
            jobs.start(job, spec)
        # Said at every turn: only then does Streamlit end a script that nobody waits for any more.
        said = f"{now.done:,} of {now.total:,} examples" if now.total else "the model's tokenizer is read first"
        bar.progress(now.done / now.total if now.total else 0.0, f"Counting tokens: {said}")
        jobs.wait(job, POLL_S)
    if now.failure is not None:
        raise now.failure
    slot.empty()
    return read_lengths(Path(job.file))


def _job(reading: TaskReading, spec: ModelSpec) -> LengthsJob:
    """The same for the same examples and model, as long as the model's files are the same."""
    folder = tasks_folder() / "checked"
    for file in folder.glob("*"):
        # None is left that waits for what is a day old. Another session may be clearing up too.
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - OLD_S:
                file.unlink()
    path = keep(reading.task, folder, "lengths")
    model = hashlib.sha256(repr((spec, files_state(spec))).encode()).hexdigest()[:12]
    return LengthsJob(str(path), str(path.with_suffix(f".{model}.json")))
