"""The sidebar: which run is shown, which task and model the next run takes, what is in memory."""

from collections.abc import Mapping

import streamlit as st

from neuron_core.models.spec import DTYPES, EMBEDDED, PLAIN
from pages.shared import state
from pages.shared.engine import engine
from pages.shared.guard import guard, plain
from pages.shared.tasks import task_choice

SOURCES = {EMBEDDED: f"{EMBEDDED} (with adapter)", PLAIN: f"{PLAIN} (no adapter)"}
DEVICE_LABELS = {
    "auto": "auto (GPU if any)",
    "cpu": "cpu (processor)",
    "cuda": "cuda (first GPU)",
    "mps": "mps (Apple GPU)",
}


def sidebar() -> str | None:
    """Draws it; gives the id of the run that is shown, None where there is none."""
    with st.sidebar:
        shown = _run()
        with guard():
            task_choice()
        _model()
    return shown


def _run() -> str | None:
    recent = [run.id for run in state.recent_runs()]
    chosen = state.choose_run(recent)
    options = list(dict.fromkeys([*([chosen] if chosen else []), *recent, *([state.DEMO] if state.has_demo() else [])]))
    # Newest first wherever the chosen one is; the finished demo last.
    options.sort(key=lambda run_id: (run_id != state.DEMO, run_id), reverse=True)
    if options:
        st.session_state["shown_run"] = chosen
        st.selectbox("Run shown", options, key="shown_run", format_func=_label)
    else:
        st.session_state.pop("shown_run", None)
        st.caption("No run yet.")
    state.keep_address(chosen)
    return chosen


def _label(run_id: str) -> str:
    return "demo (came with the app)" if run_id == state.DEMO else state.run_title(run_id)


def _model() -> None:
    with st.expander("Model of the next run", key="model"):
        _choice(
            "Source",
            SOURCES,
            "model_source",
            "`embedded`: the small model that comes with the app, tuned on the four bundled kinds of task; learn "
            "the tool on it, draw no conclusions about SmolLM2. "
            "`embedded-plain`: without that. Or type an id on the Hugging Face hub, a checkpoint folder, "
            "or a .gguf file.",
        )
        st.text_input(
            "Revision",
            key="model_revision",
            help="Branch, tag or commit of a hub model.",
            persist_state="session",
        )
        st.selectbox("dtype", DTYPES, key="model_dtype", persist_state="session")
        _choice("Device", DEVICE_LABELS, "model_device", "Or type `cuda:1` for the second GPU, and so on.")
    with guard():
        st.caption(f"Next run: {plain(state.model_spec().title)}")
        facts = engine().model()
        if facts is not None:
            st.caption(f"In memory: {plain(facts.title)}, {facts.dtype} on {facts.device}")
        elif engine().loading():
            st.caption("A model is being loaded.")
        else:
            st.caption("No model is in memory; it is loaded when it is needed.")
        if st.button("Unload", key="unload", disabled=facts is None):
            engine().unload()
            st.rerun()


def _choice(label: str, known: Mapping[str, str], key: str, meaning: str) -> None:
    """One of the known values, shown by its label, or a typed one, which stays among the options.

    A label is more than its value: typed text that begins with the label now chosen would lose that beginning.
    """
    options = dict.fromkeys([*known, st.session_state.get(key, next(iter(known)))])
    st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda value: known.get(value, value),
        accept_new_options=True,
        help=meaning,
        # st.switch_page forgets the sidebar's widgets for one run.
        persist_state="session",
    )
