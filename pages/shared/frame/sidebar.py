"""The sidebar: which run is shown, which task and model the next run takes, what is in memory."""

from dataclasses import replace

import streamlit as st

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.memory import check_fits, free_for, gigabytes, need_of
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.run_folder import RunFolder
from neuron_core.service.permissions import runs_code
from pages.shared.frame import session
from pages.shared.frame.address import choose_run, keep_address
from pages.shared.frame.engine import engine, why_not
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.model_choice import model_choice
from pages.shared.inputs.tasks import allowed, task_choice


def sidebar() -> str | None:
    """Draws it; gives the id of the run that is shown, None where there is none. RunError: none of that name."""
    missing: NeuronCoreError | None = None
    shown = None
    with st.sidebar:
        try:
            shown = _run()
        except NeuronCoreError as error:
            missing = error
        with guard():
            task_choice()
        _model()
    if missing is not None:
        raise missing
    return shown


def _run() -> str | None:
    recent = {run.id: run for run in session.recent_runs()}
    try:
        chosen = choose_run(list(recent))
    except NeuronCoreError:
        _choose(recent, None)
        raise
    if chosen is None and not recent:
        st.session_state.pop("shown_run", None)
        st.caption("No run yet.")
    else:
        _choose(recent, chosen)
    keep_address(chosen)
    return chosen


def _choose(recent: dict[str, RunFolder], chosen: str | None) -> None:
    options = list(dict.fromkeys([*([chosen] if chosen else []), *recent, *session.demo_folders()]))
    # Newest first wherever the chosen one is; the finished demos last.
    options.sort(key=lambda run_id: (not session.is_demo(run_id), run_id), reverse=True)
    st.session_state["shown_run"] = chosen
    titles = session.run_titles(options, recent)
    st.selectbox(
        "Run shown",
        options,
        key="shown_run",
        format_func=lambda name: titles.get(name) or session.run_title(name),
        placeholder="choose a run",
        help=f"Run {chosen}" if chosen else None,
    )


def _model() -> None:
    with guard():
        model_choice()
    with guard():
        spec = session.model_spec()
        # Before anything is read of it.
        confirmed = runs_code(spec) and engine().trust.has(spec)
        allowed().check_model(replace(spec, trust_remote_code=False), confirmed=confirmed)
        st.caption(f"Next run: {plain(spec.title)}")
        with guard():
            _memory(spec)
        facts = engine().model()
        if facts is not None:
            st.caption(f"In memory: {plain(facts.title)}, {facts.dtype} on {facts.device}")
            for note in facts.notes:
                st.caption(f"Note: {plain(note)}.")
        elif engine().loading():
            st.caption("A model is being loaded.")
        else:
            st.caption("No model is in memory; it is loaded when it is needed.")
        no = why_not("unload")
        if st.button("Unload", key="unload", disabled=facts is None or no is not None, help=no):
            engine().unload()
            st.rerun()


def _memory(spec: ModelSpec) -> None:
    """What the next model needs beside what is free; the one in memory leaves first."""
    device, free = free_for(spec, engine().worker_memory())
    spec.check_kind(device.partition(":")[0])
    need = need_of(spec)
    if need is None:
        st.caption("Its size is known when its config has been fetched.")
        return
    if free is None:
        st.caption(
            f"Needs about {gigabytes(need.total)} on {device}, which is not found here. "
            "Whether it fits shows when it is loaded."
        )
        return
    where, loaded = ("of memory" if device in ("cpu", "mps") else f"on the GPU {device}"), engine().model()
    leaves = loaded is not None and loaded.device.startswith("cuda") and device.startswith("cuda")
    st.caption(
        f"Needs about {gigabytes(need.total)}; {gigabytes(free)} {where} are free"
        f"{', and what the model there takes, which leaves first' if leaves else ''}."
    )
    if leaves:
        return
    try:
        check_fits(spec, free, where)
    except ModelError as error:
        st.warning(plain(f"{error.what[:1].upper()}{error.what[1:]}. What would fit: {error.accepted}."))
