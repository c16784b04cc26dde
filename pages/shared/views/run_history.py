"""The table of all runs."""

from collections.abc import Sequence
from zlib import crc32

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

TICKED = "runs_ticked"
"ids of the runs that this session has ticked: with a run begun or deleted elsewhere, their rows are others"


def rows_key(key: str, names: Sequence[str]) -> str:
    """The key of a table with these runs: with other rows it is another table, so that no tick moves to another run."""
    return f"{key}_{crc32(' '.join(names).encode()):x}"


def history(runs: list[RunFolder]) -> list[RunFolder]:
    """The table of runs; gives the chosen ones, at most two."""
    rows = []
    names = {run_name(run): run for run in runs}
    ids, key = list(names), rows_key("run_history", list(names))

    def take() -> None:
        st.session_state[TICKED] = [ids[row] for row in st.session_state[key].selection.rows if row < len(ids)]

    ticked = [name for name in st.session_state.get(TICKED, []) if name in names]
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
        key,
        "runs",
        f"{len(rows)} runs with task, model, state, date, method and accuracy",
        on_select=take,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(name) for name in ticked]}},
        column_order=run_columns(frame),
        column_config={"accuracy": st.column_config.NumberColumn(format="percent")},
    )
    if len(ticked) > 2:
        st.info("Two runs can be compared; these are the first two of those chosen.")
    return [names[name] for name in ticked[:2]]
