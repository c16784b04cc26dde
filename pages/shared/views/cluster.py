"""What a run on a cluster says of itself while it goes."""

import streamlit as st

from neuron_core.engine.cluster_options import CLUSTER_WORDS
from neuron_core.runs.run_folder import RunStatus
from pages.shared.frame.guard import plain


def cluster_line(status: RunStatus) -> None:
    """Nodes, actors, batches that wait and questions a second; nothing of a run on this machine."""
    if status.total and status.message.startswith(CLUSTER_WORDS):
        st.caption(plain(status.message))
