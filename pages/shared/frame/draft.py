"""The draft of the next run: task, model and wordings. It lies on disk, and the address names it: a reload keeps it."""

import json
import re
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import DTYPES
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.files import make_folder, write_file
from neuron_core.runs.store import default_root
from neuron_core.tasks.load import bundled_tasks
from pages.shared.frame.guard import plain
from pages.shared.inputs.model_choice import BITS_LABELS
from pages.shared.inputs.tasks import demo_mode
from pages.shared.inputs.wording import WORDINGS

# Whether a model's own code may run is asked anew: no link may say so.
CHOICES = (
    *("task", "model_source", "model_revision", "model_dtype", "model_device", "model_spread"),
    *("model_adapter", "model_architecture", "model_bits"),
)
PARAMETER, LOADED, KEPT = "draft", "draft_loaded", "draft_kept"
MOST_KEPT, MOST_BYTES = 200, 4_000_000
"drafts of all sessions, and bytes of one of them: a visitor must not fill the disk"


def load_draft() -> None:
    """Once a session: what the address names becomes the next run's settings, before any widget is drawn."""
    if LOADED in st.session_state:
        return
    st.session_state[LOADED] = True
    name = st.query_params.get(PARAMETER)
    if not name:
        return
    try:
        choices, wordings = _read(_file(name))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, NeuronCoreError):
        st.session_state[KEPT] = None, None
        said = plain(repr(name[:40]))
        st.warning(f"No draft of a next run is kept here under the name {said}; the usual settings are chosen.")
        return
    if demo_mode():
        choices = {"task": choices["task"]} if choices.get("task") in bundled_tasks() else {}
    st.session_state.update(choices)
    st.session_state[WORDINGS] = wordings
    st.session_state[KEPT] = name, _now()


def _read(path: Path) -> tuple[dict[str, str | bool], dict[str, PromptConfig]]:
    """Choices and wordings of a draft. What a session's state can't hold is no choice; any error for another file."""
    draft = json.loads(path.read_bytes())
    # Half characters: no browser could be sent them.
    json.dumps(draft, ensure_ascii=False).encode()
    wordings = {task: PromptConfig(**fields) for task, fields in draft["wordings"].items()}
    if not all(isinstance(text, str | None) for one in wordings.values() for text in asdict(one).values()):
        raise ValueError("a wording that is no text")
    choices = draft["choices"]
    return {key: choices[key] for key in CHOICES if _is_choice(key, choices.get(key))}, wordings


def _is_choice(key: str, value: object) -> bool:
    if key == "model_spread":
        return isinstance(value, bool)
    known = {"model_dtype": DTYPES, "model_bits": tuple(filter(None, BITS_LABELS))}.get(key)
    return isinstance(value, str) and (known is None or value in known)


def keep_draft() -> str | None:
    """After the widgets: writes what has changed and gives the draft's name; None while everything is as usual, and
    where it can't be written, which is said.
    """
    name, kept = st.session_state.get(KEPT, (None, None))
    now = _now()
    st.session_state.setdefault("draft_usual", now if name is None else None)
    if now == kept or (name is None and now == st.session_state["draft_usual"]):
        return name  # type: ignore[no-any-return]
    if name is None or not st.session_state.get("draft_own"):
        # Another tab may have been opened from this address: what it shows stays as it is.
        name = secrets.token_hex(4)
        st.session_state["draft_own"] = True
    try:
        _write(_file(name), json.dumps(now).encode())
    except NeuronCoreError as error:
        st.warning(
            f"The settings of the next run could not be kept: {plain(error.what)}. A reload of this page forgets them.",
            icon=":material/warning:",
        )
        return None
    st.session_state[KEPT] = name, now
    return name  # type: ignore[no-any-return]


def _write(path: Path, content: bytes) -> None:
    """Writes a draft, and removes the oldest ones. RunError for one that is too long, and if the disk refuses."""
    if len(content) > MOST_BYTES:
        raise RunError(f"they have {len(content):,} bytes", accepted=f"at most {MOST_BYTES:,}")
    make_folder(path.parent, parents=True)
    write_file(path, content)
    for old in sorted(path.parent.glob("*.json"), key=_age)[MOST_KEPT:]:
        with suppress(OSError):
            old.unlink()


def _age(path: Path) -> float:
    """By which drafts are sorted, the newest first. Another session may have removed it meanwhile."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _now() -> dict[str, Any]:
    wordings = {task: asdict(one) for task, one in st.session_state.get(WORDINGS, {}).items() if one != USUAL}
    choices = {key: st.session_state[key] for key in CHOICES if st.session_state.get(key) is not None}
    return {"choices": choices, "wordings": wordings}


def _file(name: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{8}", name):
        raise ValueError("no name of a draft")
    return default_root().absolute().parent / "drafts" / f"{name}.json"
