"""What a run gives away: tables, neuron set, report, everything as JSON."""

import io
import json
from collections.abc import Callable

import pandas as pd
import streamlit as st

from neuron_core.reports import results
from neuron_core.reports.comparison import grid_frame, neuron_frame
from neuron_core.reports.run_page import runs_html
from neuron_core.runs.run_folder import RunFolder
from neuron_core.tasks.spreadsheet import safe_csv
from pages.shared.inputs.neuron_sets import set_json
from pages.shared.views.results import attribution_of, evaluation_of, rankings_of_run

PARQUET = "application/vnd.apache.parquet"


def export(run: RunFolder, name: str) -> None:
    """The buttons; files carry the run's id. name: the id that links use."""
    attribution, evaluation = attribution_of(run), evaluation_of(run)
    if attribution is None and evaluation is None:
        st.caption("There is nothing to export yet.")
        return
    st.subheader("Export")
    with st.container(horizontal=True):
        if attribution is not None:
            rankings = rankings_of_run(run)
            download("Neurons, CSV", lambda: safe_csv(neuron_frame(rankings)), f"neurons-{name}.csv", "text/csv")
            download("Neurons, Parquet", lambda: _parquet(neuron_frame(rankings)), f"neurons-{name}.parquet", PARQUET)
            download("Neuron set, JSON", lambda: set_json(run), f"set-{name}.json", "application/json")
        if evaluation is not None:
            download("Interventions, CSV", lambda: safe_csv(grid_frame(evaluation)), f"grid-{name}.csv", "text/csv")
            download(
                "Interventions, Parquet", lambda: _parquet(grid_frame(evaluation)), f"grid-{name}.parquet", PARQUET
            )
        download("Report, HTML", lambda: runs_html({name: run}), f"report-{name}.html", "text/html")
        download("Everything, JSON", lambda: _json(run), f"run-{name}.json", "application/json")


def download(label: str, data: Callable[[], str | bytes], name: str, kind: str) -> None:
    """A button for a file that is made when it is asked for."""
    st.download_button(label, data, name, kind, key=f"export_{label}", on_click="ignore", icon=":material/download:")


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(run: RunFolder) -> str:
    """What the command line's --json gives, and the settings."""
    found = {"config": json.loads((run.path / "config.json").read_text(encoding="utf-8"))}
    if attribution_of(run) is not None:
        found["attribution"] = results.attribution(run)
        if evaluation_of(run) is not None:
            found["evaluation"] = results.evaluation(run)
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False)
