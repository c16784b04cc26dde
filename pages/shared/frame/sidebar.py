"""The sidebar: which run is shown, which task and model the next run takes, what is in memory."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.memory import check_fits, free_for, gigabytes, need_of
from neuron_core.models.presets import PRESETS, find_preset
from neuron_core.models.spec import DTYPES, EMBEDDED, PLAIN, ModelSpec
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.tasks import allowed, task_choice

SOURCES = {
    EMBEDDED: f"{EMBEDDED} (with adapter)",
    PLAIN: f"{PLAIN} (no adapter)",
    **{
        preset.id: f"{preset.title} ({preset.group}, {gigabytes(preset.weight_bytes('float32'))} in float32"
        f"{', gated' if preset.gated else ''})"
        for preset in PRESETS
        if preset.group != "several GPUs"
    },
}
DEVICE_LABELS = {
    "auto": "auto (GPU if any)",
    "cpu": "cpu (processor)",
    "cuda": "cuda (first GPU)",
    "mps": "mps (Apple GPU, not run by us)",
}


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
    recent = [run.id for run in session.recent_runs()]
    try:
        chosen = session.choose_run(recent)
    except NeuronCoreError:
        _choose(recent, None)
        raise
    if chosen is None and not recent:
        st.session_state.pop("shown_run", None)
        st.caption("No run yet.")
    else:
        _choose(recent, chosen)
    session.keep_address(chosen)
    return chosen


def _choose(recent: list[str], chosen: str | None) -> None:
    options = list(dict.fromkeys([*([chosen] if chosen else []), *recent, *session.demo_folders()]))
    # Newest first wherever the chosen one is; the finished demos last.
    options.sort(key=lambda run_id: (not session.is_demo(run_id), run_id), reverse=True)
    st.session_state["shown_run"] = chosen
    titles = session.run_titles(options)
    st.selectbox(
        "Run shown",
        options,
        key="shown_run",
        format_func=lambda name: titles.get(name) or session.run_title(name),
        placeholder="choose a run",
        help=f"Run {chosen}" if chosen else None,
    )


def _model() -> None:
    with st.expander("Model of the next run", key="model"):
        _choice(
            "Source",
            SOURCES if allowed().may("model") else {name: SOURCES.get(name, name) for name in sorted(allowed().models)},
            "model_source",
            "`embedded`: the small model that comes with the app, tuned on the four bundled kinds of task; learn "
            "the tool on it, draw no conclusions about SmolLM2. "
            "`embedded-plain`: without that. The others come from the Hugging Face hub. Or type an id there, a "
            "checkpoint folder, or a .gguf file.",
            new=allowed().may("model"),
        )
        _preset()
        st.text_input(
            "Revision",
            key="model_revision",
            help="Branch, tag or commit of a hub model.",
            persist_state="session",
        )
        st.selectbox("dtype", DTYPES, key="model_dtype", persist_state="session")
        _choice("Device", DEVICE_LABELS, "model_device", "Or type `cuda:1` for the second GPU, and so on.")
        st.checkbox(
            "Keep what does not fit elsewhere",
            key="model_spread",
            persist_state="session",
            help="`device_map=auto`: layers that do not fit on the device lie in memory or on disk. Slow.",
        )
        _trust()
    with guard():
        spec = session.model_spec()
        # Before anything is read of it.
        allowed().check_model(replace(spec, trust_remote_code=False))
        st.caption(f"Next run: {plain(spec.title)}")
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
        if st.button("Unload", key="unload", disabled=facts is None):
            engine().unload()
            st.rerun()


def _preset() -> None:
    """Size, licence and gate of a preset."""
    preset = find_preset(str(st.session_state["model_source"]).strip())
    if preset is None:
        return
    gate = " Gated: accept it there, then start the app with HF_TOKEN." if preset.gated else ""
    st.caption(
        f"{preset.parameters / 1e9:.2f} B parameters, {preset.dimensions.n_total:,} neurons; weights "
        f"{gigabytes(preset.weight_bytes('float32'))} in float32, {gigabytes(preset.weight_bytes('bfloat16'))} in "
        f"bfloat16. [{preset.licence}]({preset.page}).{gate} {preset.note}"
    )


def _trust() -> None:
    """Whether code that comes with this very model may run: another model asks anew."""
    source = str(st.session_state["model_source"]).strip()
    if ModelSpec(source).is_embedded or source.endswith(".gguf") or not allowed().may("code"):
        return
    st.checkbox(
        f"Run Python code that comes with {plain(source)}",
        key=session.trust_key(source),
        persist_state="session",
        help="Off: a model that needs code of its own is refused. On: that code runs on this machine with your "
        "rights; read it first. The terminal of the app prints a word for it, which is asked for here.",
    )
    if st.session_state.get(session.trust_key(source)):
        _confirm(source)


def _confirm(source: str) -> None:
    """Asks for the word that the terminal printed for this model; no page enables its code without it."""
    trust, spec = engine().trust, session.model_spec()
    if trust.has(spec):
        st.caption("Confirmed at the terminal.")
        return
    trust.ask(spec)
    word = st.text_input("The word that the terminal printed", key=f"word_{source}", type="password")
    if word:
        with guard():
            trust.confirm(spec, word)
            st.rerun()


def _memory(spec: ModelSpec) -> None:
    """What the next model needs beside what is free; the one in memory leaves first."""
    need = need_of(spec)
    if need is None:
        st.caption("Its size is known when its config has been fetched.")
        return
    device, free = free_for(spec, engine().worker_memory())
    if free is None:
        st.caption(f"Needs about {gigabytes(need.total)} on {device}, which is not found here. The load will tell.")
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


def _choice(label: str, known: Mapping[str, str], key: str, meaning: str, *, new: bool = True) -> None:
    """One of the known values, shown by its label, or a typed one, which stays among the options.

    A label is more than its value: typed text that begins with the label now chosen would lose that beginning.
    """
    options = dict.fromkeys([*known, *([st.session_state.get(key, next(iter(known)))] if new else [])])
    st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda value: known.get(value, value),
        accept_new_options=new,
        help=meaning,
        # st.switch_page forgets the sidebar's widgets for one run.
        persist_state="session",
    )
