"""The table of all runs."""

import pandas as pd
import streamlit as st

from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard
from pages.shared.frame.once import summary_of
from pages.shared.views.comparisons import run_name
from pages.shared.views.figures import table
from pages.shared.views.tables import run_columns
from pages.shared.views.words import NO_METHOD, STATES, moment, short_title


def history(runs: list[RunFolder]) -> list[RunFolder]:
    """The table of runs; gives the chosen ones, at most two."""
    rows = []
    names = {run_name(run): run for run in runs}
    titles = session.run_titles(list(names), names)
    for name, run in names.items():
        found = summary_of(run)
        state = found.ended
        if not state and not found.damage:
            with guard():
                state = session.status_of(name).state
        rows.append(
            {
                "run": titles[name],
                "task": found.task,
                "state": STATES[state] if state else "damaged",
                "accuracy": found.accuracy,
                "begun": moment(found.created) if found.created else "",
                "methods": ", ".join(found.methods) or NO_METHOD,
                "model": short_title(found.model),
                "id": name,
            }
        )
    frame = pd.DataFrame(rows)
    table(
        frame,
        "run_history",
        "runs",
        f"{len(rows)} runs with task, model, state, date, method and accuracy",
        on_select="rerun",
        selection_mode="multi-row",
        column_order=run_columns(frame),
        column_config={"accuracy": st.column_config.NumberColumn(format="percent")},
    )
    chosen = st.session_state["run_history"].selection.rows if "run_history" in st.session_state else []
    if len(chosen) > 2:
        st.info("Two runs can be compared; these are the first two of those chosen.")
    return [runs[place] for place in chosen[:2]]
