"""Where a table of examples comes from on the Data page: an upload, a path, the hub."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from neuron_core.models.local_files import file_state
from neuron_core.paths import user_path
from neuron_core.tasks.hub import ACCEPTED as HUB_NAMES
from neuron_core.tasks.hub import INSTALL, PREFIX, parse
from neuron_core.tasks.load import read_source
from neuron_core.tasks.parts import parts_of
from neuron_core.tasks.readers import ACCEPTED
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.table import MAX_ROWS, Table, read_table
from pages.shared.frame.guard import plain
from pages.shared.inputs.tasks import DATA_ROOT, data_root, server_file

T = TypeVar("T")
HUB_LABELS = {
    "few-nerd": "Few-NERD: entities and their types",
    "conll2000": "CoNLL-2000: chunks",
    "sst": "Stanford Sentiment Treebank: three labels",
    "commonsenseqa": "CommonsenseQA: five choices",
}


def remembered(slot: str, key: Any, make: Callable[[], T]) -> T:
    """What `make` gave for this key; the session keeps one value a slot."""
    known, value = st.session_state.get(slot, (None, None))
    if known != key or value is None:
        with st.spinner("Reading"):
            value = make()
        st.session_state[slot] = (key, value)
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a table comes from, and how it is had."""

    stamp: str
    "tells one file, and one state of it, from another"
    name: str
    "with the file's ending"
    read: Callable[[ReadOptions], Table]
    parts: Callable[[], tuple[str, ...]] | None = None
    "names of which one can be read; None where nothing can be chosen, as for a dataset of the hub"


def uploaded_file() -> Origin | None:
    """The file that the browser sent, None as long as there is none."""
    file = st.file_uploader(
        "A file of examples", key="data_upload", help=f"{ACCEPTED}. At most {MAX_ROWS:,} rows.", max_upload_size=200
    )
    if file is None:
        st.caption(plain(f"Accepted: {ACCEPTED}. At most 200 MB and {MAX_ROWS:,} rows; of more, a sample."))
        return None
    return Origin(
        file.file_id,
        file.name,
        lambda options: read_table(file.getvalue(), file.name, options),
        lambda: parts_of(file.getvalue(), file.name),
    )


def server_path() -> Origin | None:
    """A file of the machine that the app runs on, where that is allowed."""
    root = data_root()
    if root is None:
        st.info(
            f"No folder of this server is open to the app. Whoever runs it can name one with `{DATA_ROOT}`.",
            icon=":material/folder_off:",
        )
        return None
    said = st.text_input(
        "Path of a file" if str(root) == root.anchor else plain(f"Path of a file below {root}"),
        key="data_path",
        persist_state="session",
        placeholder=str((Path.home() if str(root) == root.anchor else root) / "examples.csv"),
        help=f"{ACCEPTED}. Any size; at most {MAX_ROWS:,} rows.",
    ).strip()
    if not said:
        return None
    path = server_file(said if user_path(said).is_absolute() else str(root / said))
    stamp = file_state(path)
    return Origin(f"{path} {stamp}", path.name, lambda options: read_source(str(path), options), lambda: parts_of(path))


def hub_dataset() -> Origin | None:
    """A dataset of the Hugging Face hub; the network is asked when the button is pressed."""
    presets = {f"{PREFIX}{name}": label for name, label in HUB_LABELS.items()}
    if importlib.util.find_spec("datasets") is None:
        st.info(
            f"Hub datasets need the package `datasets`, which is not installed. In the app's environment: `{INSTALL}`",
            icon=":material/extension:",
        )
    name = st.selectbox(
        "Dataset",
        list(dict.fromkeys([*presets, st.session_state.get("data_hub", next(iter(presets)))])),
        key="data_hub",
        format_func=lambda value: f"{value}  ({presets[value]})" if value in presets else value,
        accept_new_options=True,
        persist_state="session",
        help=f"One of the paper's four, or type {HUB_NAMES}.",
    ).strip()
    name = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
    wanted = parse(name)
    st.caption(plain(f"{wanted.id}, {wanted.config or 'no configuration'}, split {wanted.split}"))
    if st.button("Fetch", key="data_fetch", icon=":material/cloud_download:"):
        st.session_state["data_fetched"] = name
    if st.session_state.get("data_fetched") != name:
        return None

    def fetched(_: ReadOptions) -> Table:
        try:
            return read_source(name)
        except Exception:
            # The next rerun does not ask the network again by itself.
            st.session_state.pop("data_fetched")
            raise

    return Origin(name, name, fetched)
