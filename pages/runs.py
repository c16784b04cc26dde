"""All runs: history, two beside each other, name, export, delete."""

import io
import json
from collections.abc import Callable

import pandas as pd
import streamlit as st

from neuron_core.reports import results
from neuron_core.reports.comparison import (
    config_differences,
    grid_frame,
    metric_differences,
    neuron_frame,
    set_overlaps,
)
from neuron_core.reports.run_page import OVERLAP_KS, runs_html
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.summary import summary_of
from neuron_core.tasks.spreadsheet import safe_csv
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.neuron_sets import import_set, set_json
from pages.shared.inputs.tasks import allowed
from pages.shared.views.comparisons import run_name
from pages.shared.views.figures import empty_state, recipes, table
from pages.shared.views.results import attribution_of, evaluation_of, rankings_of_run
from pages.shared.views.words import STATES, method_names, moment, short_title


def history(runs: list[RunFolder]) -> list[RunFolder]:
    """The table of runs; gives the chosen ones, at most two."""
    rows = []
    for run in runs:
        found = summary_of(run)
        state = found.ended
        if not state and not found.damage:
            with guard():
                state = session.status_of(run_name(run)).state
        rows.append(
            {
                "run": run_name(run),
                "label": found.label,
                "task": found.task,
                "state": STATES[state] if state else "damaged",
                "accuracy": found.accuracy,
                "begun": moment(found.created) if found.created else "",
                "methods": method_names(found.methods),
                "model": short_title(found.model),
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
        column_order=[name for name in frame if name != "label" or any(frame[name])],
        column_config={"accuracy": st.column_config.NumberColumn(format="percent")},
    )
    chosen = st.session_state["run_history"].selection.rows if "run_history" in st.session_state else []
    if len(chosen) > 2:
        st.info("Two runs can be compared; these are the first two of those chosen.")
    return [runs[place] for place in chosen[:2]]


def one_run(run: RunFolder) -> None:
    """Show, name, export and delete one run."""
    name = run_name(run)
    st.header(plain(f"Run {session.run_title(name)}"))
    if damage := summary_of(run).damage:
        _damaged(run, name, damage)
        return
    with st.container(horizontal=True):
        if st.button("Show on every page", icon=":material/visibility:", key="show_run", disabled=name == _shown()):
            session.show(name)
            st.rerun()
        _delete(run, name)
    if not session.is_demo(name):
        _rename(run)
    _export(run, name)
    recipes(run)


def _damaged(run: RunFolder, name: str, damage: str) -> None:
    """What is wrong with a run, and the two ways on."""
    error_box(f"This run is damaged: {damage}", accepted="Repair sets the file aside; Resume then computes it again")
    with st.container(horizontal=True):
        if not session.is_demo(name) and st.button("Repair", icon=":material/build:", key="repair"):
            with guard():
                engine().repair(run.id)
                st.rerun()
        _delete(run, name)


def _shown() -> str | None:
    return session.shown_id()


def _rename(run: RunFolder) -> None:
    with st.form(f"rename_{run.id}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.text_input(
            "Label", run.label(), max_chars=80, key=f"label_{run.id}", placeholder="a name beside the id", width=360
        )
        if st.form_submit_button("Keep the label", icon=":material/label:"):
            with guard():
                engine().rename(run.id, label)
                st.rerun()


def _delete(run: RunFolder, name: str) -> None:
    """A popover that asks; not for the demo, nor while the run is worked on."""
    locked = session.is_demo(name) or (not summary_of(run).damage and session.is_active(name))
    why = "The demo came with the app." if session.is_demo(name) else "Cancel it first: it is being worked on."
    with st.popover("Delete", icon=":material/delete:", disabled=locked, help=why if locked else None, key="delete"):
        st.markdown("Its folder is removed with everything in it. This can't be undone.")
        if st.button("Delete this run", type="primary", key="confirm_delete"):
            with guard():
                engine().delete(run.id)
                if session.shown_id() == run.id:
                    session.forget()
                st.rerun()


def _export(run: RunFolder, name: str) -> None:
    attribution, evaluation = attribution_of(run), evaluation_of(run)
    if attribution is None and evaluation is None:
        st.caption("There is nothing to export yet.")
        return
    st.markdown("**Export**")
    with st.container(horizontal=True):
        if attribution is not None:
            neurons = neuron_frame(rankings_of_run(run))
            _download("Neurons, CSV", lambda: safe_csv(neurons), f"neurons-{name}.csv", "text/csv")
            _download("Neurons, Parquet", lambda: _parquet(neurons), f"neurons-{name}.parquet", PARQUET)
            _download("Neuron set, JSON", lambda: set_json(run), f"set-{name}.json", "application/json")
        if evaluation is not None:
            grid = grid_frame(evaluation)
            _download("Interventions, CSV", lambda: safe_csv(grid), f"grid-{name}.csv", "text/csv")
            _download("Interventions, Parquet", lambda: _parquet(grid), f"grid-{name}.parquet", PARQUET)
        _download("Report, HTML", lambda: runs_html({name: run}), f"report-{name}.html", "text/html")
        _download("Everything, JSON", lambda: _json(run), f"run-{name}.json", "application/json")


PARQUET = "application/vnd.apache.parquet"


def _download(label: str, data: Callable[[], str | bytes], name: str, kind: str) -> None:
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


def two_runs(one: RunFolder, two: RunFolder) -> None:
    """What differs between two runs, and what their neurons share."""
    names = [run_name(run) for run in (one, two)]
    st.header("Two runs beside each other")
    st.markdown(plain(f"First: {session.run_title(names[0])}. Second: {session.run_title(names[1])}."))
    if all(attribution_of(run) is not None or evaluation_of(run) is not None for run in (one, two)):
        both = dict(zip(names, (one, two), strict=True))
        _download("Report of both, HTML", lambda: runs_html(both), f"report-{names[0]}-{names[1]}.html", "text/html")
    differences = config_differences(one.config(), two.config())
    st.markdown("**Settings that differ**" if len(differences) else "**No setting differs.**")
    name = f"{names[0]}-{names[1]}"
    if len(differences):
        table(differences, "settings", f"settings-{name}", "Settings that differ between two runs")
    evaluations = [evaluation_of(run) for run in (one, two)]
    if evaluations[0] is not None and evaluations[1] is not None:
        st.markdown("**Metrics** (percent; RAC and RCC positive in the intended direction)")
        metrics = metric_differences(evaluations[0], evaluations[1])
        number = st.column_config.NumberColumn(format="%.1f")
        table(
            metrics,
            "metrics",
            f"metrics-{name}",
            "Baselines, RAC and RCC of two runs",
            height=320,
            column_config={"first": number, "second": number, "difference": number},
        )
        st.caption("The best ratio is chosen on the very questions that it is reported for: optimistic.")
    else:
        st.caption("Metrics are compared when both runs have an evaluation.")
    found = [attribution_of(run) for run in (one, two)]
    if found[0] is not None and found[1] is not None:
        st.markdown("**Neurons that both have** (Jaccard: shared over all)")
        with guard():
            overlaps = set_overlaps(found[0].ranking, found[1].ranking, OVERLAP_KS)
            table(
                overlaps,
                "overlaps",
                f"overlap-{name}",
                "Overlap of the neuron sets of two runs",
                column_config={"jaccard": st.column_config.NumberColumn(format="%.2f")},
            )


through_frame()
runs = session.listed_runs()
if not runs:
    empty_state("There is no run yet.", session.START, session.ATTRIBUTION)
else:
    chosen = history(runs)
    st.caption("A click on the box before a run opens it below; two of them are compared.")
    if len(chosen) == 2 and not any(summary_of(run).damage for run in chosen):
        two_runs(*chosen)
    elif chosen:
        one_run(chosen[0])
    else:
        shown = session.shown_run()
        if shown is not None:
            one_run(shown)
if allowed().may("upload"):
    import_set(session.all_runs())
