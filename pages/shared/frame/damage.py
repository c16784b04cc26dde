"""What pages show in place of a run whose files are damaged."""

import streamlit as st

from neuron_core.errors import NeuronCoreError
from pages.shared.frame import session
from pages.shared.frame.guard import error_box
from pages.shared.frame.once import summary_of


def damage_of(run_id: str | None) -> str:
    """What is wrong with a run's files; empty where nothing is, and of a run that is not there."""
    if run_id is None:
        return ""
    try:
        return summary_of(session.open_run(run_id)).damage
    except NeuronCoreError:
        return ""


def say_damage(run_id: str, damage: str) -> None:
    """The one box, and the way to where the run is repaired."""
    error_box(f"The run {run_id} can't be shown", accepted="Repair or Delete, on the page Runs", details=f"{damage}.")
    st.page_link(session.RUNS, label="Go to Runs and repair it", icon=":material/build:", query_params={"run": run_id})
