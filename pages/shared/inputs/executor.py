"""Where a new run is computed: on this machine, or by actors of a Ray cluster, where that is installed and allowed."""

import streamlit as st

from neuron_core.engine.cluster_options import MOST_GPUS, ClusterOptions, cluster_options, has_ray
from pages.shared.frame.guard import guard
from pages.shared.inputs.tasks import allowed

HERE, RAY = "This machine", "Ray cluster"


def executor() -> tuple[ClusterOptions | None, bool]:
    """What is chosen, None for this machine, and whether it can be taken."""
    if not has_ray() or not allowed().may("cluster"):
        return None, True
    one, two, three, four = st.columns(4)
    chosen = one.selectbox("Compute on", (HERE, RAY), key="executor", persist_state="session")
    if chosen == HERE:
        return None, True
    address = two.text_input(
        "Address", "auto", key="ray_address", persist_state="session", help="auto, HOST:PORT, or local."
    )
    actors = three.text_input(
        "Actors", "1", key="ray_actors", persist_state="session", help="N, or MIN:MAX as the cluster has room."
    )
    gpus = four.number_input(
        "GPUs an actor",
        0.0,
        float(MOST_GPUS),
        value=None,
        placeholder="1 where there are any",
        step=0.5,
        key="ray_gpus",
        persist_state="session",
    )
    with guard():
        return cluster_options("ray", address.strip(), actors.strip(), gpus), True
    return None, False
