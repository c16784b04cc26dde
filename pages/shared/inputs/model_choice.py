"""The model of the next run: source, number format, device, and what few people change."""

from collections.abc import Mapping

import streamlit as st

from neuron_core.errors import NeuronCoreError
from neuron_core.models.memory import gigabytes
from neuron_core.models.presets import PRESETS, find_preset
from neuron_core.models.spec import DTYPES, EMBEDDED, NO_ADAPTER, PLAIN, ModelSpec
from neuron_core.service.permissions import runs_code
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.folds import stay, unfolded
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.tasks import allowed

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

BITS_LABELS = {None: "all bits", "8bit": "8 bits", "4bit": "4 bits"}
USUAL = {"model_revision": "", "model_spread": False, "model_adapter": "", "model_architecture": "", "model_bits": None}


def model_choice() -> None:
    """Everything that names the next run's model, in one closed expander."""
    _settle()
    stay("model", "model_more")
    if fold := unfolded("Model of the next run", "model"):
        with fold:
            _fields()


def _sources() -> dict[str, str]:
    """The models to choose from, and how each is shown."""
    return SOURCES if allowed().may("model") else {name: SOURCES.get(name, name) for name in allowed().sources}


def _settle() -> None:
    """What is chosen while nobody has opened the fields, and what other choices leave no room for."""
    usual = {
        "model_source": next(iter(_sources())),
        "model_dtype": DTYPES[0],
        "model_device": next(iter(DEVICE_LABELS)),
    }
    for key, value in {**usual, **USUAL}.items():
        st.session_state.setdefault(key, value)
    if _merges():
        st.session_state["model_spread"] = False
    if _whole() is not None:
        st.session_state["model_bits"] = None


def _fields() -> None:
    """The fields themselves. A model of the hub that is named here may bring code, which is asked about."""
    _choice(
        "Source",
        _sources(),
        "model_source",
        "`embedded`: the small model that comes with the app, tuned on the four bundled kinds of task; learn "
        "the tool on it, draw no conclusions about SmolLM2. "
        "`embedded-plain`: the same model without that tuning. The others come from the Hugging Face hub. Or type "
        "an id there, a checkpoint folder, or a .gguf file.",
        new=allowed().may("model"),
    )
    _preset()
    st.text_input(
        "Revision",
        key="model_revision",
        help="Branch, tag or commit of a hub model.",
        persist_state="session",
        disabled=not (allowed().revisions and _is_hub()),
    )
    st.selectbox(
        "dtype",
        DTYPES,
        key="model_dtype",
        persist_state="session",
        help="Number format of weights and activations. `tf32`: both are float32, and a recent NVIDIA GPU rounds "
        "the factors of matrix products. In a simulation with the embedded model, scores changed by up to 6% of "
        "the largest, and at most one of 13 good or bad neurons changed. It was not run on a GPU.",
    )
    _choice("Device", DEVICE_LABELS, "model_device", "Or type `cuda:1` for the second GPU, and so on.")
    _spread()
    _trust()
    if allowed().may("model"):
        _more()
    with guard():
        _confirm()


def _is_hub() -> bool:
    """Whether the model comes from the hub; True for a text that names no model, which is said elsewhere."""
    try:
        return ModelSpec(str(st.session_state["model_source"]).strip()).is_hub
    except NeuronCoreError:
        return True


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


def _spread() -> None:
    st.checkbox(
        "Offload layers that do not fit",
        key="model_spread",
        persist_state="session",
        disabled=_merges(),
        help="`device_map=auto`: layers that do not fit on the device lie in memory or on disk. Slow, and not for a "
        "model with a merged adapter.",
    )


def _merges() -> bool:
    """Whether an adapter is named."""
    return str(st.session_state.get("model_adapter") or "").strip() not in ("", NO_ADAPTER)


def _more() -> None:
    """What the command line calls --adapter, --architecture, --load-in-8bit and --load-in-4bit."""
    if fold := unfolded("Adapter, own family, fewer bits", "model_more"):
        with fold:
            _rare_fields()


def _rare_fields() -> None:
    st.text_input(
        "LoRA adapter",
        key="model_adapter",
        persist_state="session",
        placeholder="folder or hub id",
        help=f"The adapter is merged into the weights. `{NO_ADAPTER}` leaves out one that lies beside the weights.",
    )
    architecture = st.text_input(
        "File of the model's family",
        key="model_architecture",
        persist_state="session",
        placeholder="a .json or .py file",
        help="For a model of a family that this app does not know: a JSON file with its line of the table of "
        "families, or a Python file that registers it. docs/models.md has an example.",
    ).strip()
    if architecture and not architecture.endswith(".json"):
        st.caption(f"{plain(architecture)} is Python code. It runs with your rights: read it first.")
    why = _whole()
    st.segmented_control(
        "Weights in memory",
        list(BITS_LABELS),
        key="model_bits",
        format_func=BITS_LABELS.__getitem__,
        disabled=why is not None,
        persist_state="session",
        help="Fewer bits need the package bitsandbytes and, for use, a GPU. Scores differ from the full model's.",
    )
    if why is not None:
        st.caption(f"Fewer bits are not for {why}.")


def _whole() -> str | None:
    """Why this model's weights stay whole; None where they need not."""
    try:
        source = ModelSpec(str(st.session_state["model_source"]).strip())
    except NeuronCoreError:
        # It names no model, which is said elsewhere.
        return None
    if source.is_embedded:
        return "the embedded model"
    if source.is_gguf:
        return "GGUF files, which have few bits of their own"
    if _merges():
        return "a model with a merged adapter"
    return "offloaded layers" if st.session_state.get("model_spread") else None


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


def _confirm() -> None:
    """Asks for the word that the terminal printed for this model; no page enables its code without it."""
    spec = session.model_spec()
    if not runs_code(spec) or not allowed().may("code"):
        return
    trust = engine().trust
    if trust.has(spec):
        st.caption("Confirmed at the terminal.")
        return
    trust.ask(spec)
    word = st.text_input("The word that the terminal printed", key=f"word_{spec.source}", type="password")
    if word:
        with guard():
            trust.confirm(spec, word)
            st.rerun()


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
