"""What this is, the demo, recent runs."""

import pandas as pd
import streamlit as st

from neuron_core.reports.recipes.run import command_of, python_of
from neuron_core.runs.demo import demo_config
from neuron_core.runs.store import RunFolder
from neuron_core.runs.summary import summary_of
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.submit import submit
from pages.shared.views.results import setting_of
from pages.shared.views.words import STATES, moment, short_title


def introduction() -> None:
    st.markdown(
        "This finds the neurons of a language model that carry a task: **good** ones speak for the right "
        "answer, **bad** ones against it. Every example becomes three multiple-choice questions with the "
        "options in another order, and integrated gradients say what each neuron adds to the correct letter. "
        "Doubling and silencing the neurons found, beside as many random ones, then shows whether they steer "
        "the answers."
    )


def demo() -> None:
    config = demo_config()
    run_it, open_it = st.columns(2, border=True)
    with run_it:
        st.subheader("Run the demo")
        st.markdown(
            f"Task {config.task}: {config.attribution.examples} examples to find the neurons, "
            f"{config.evaluation.examples if config.evaluation else 0} others to try them on, with the "
            "embedded model: about two minutes on a laptop with two cores, no GPU, no network."
        )
        st.caption(
            "The embedded model was tuned on the four bundled kinds of task: learn the tool on it, draw no "
            "conclusions about SmolLM2 from it."
        )
        if st.button("Run the demo", type="primary", icon=":material/play_arrow:", key="run_demo"):
            with guard():
                session.show(submit(config))
                st.rerun()
    with open_it:
        st.subheader("Open the finished demo")
        if session.has_demo():
            finished_demo(session.open_run(session.DEMO))
        else:
            st.markdown("No finished demo came with this copy. Run the demo instead.")


def finished_demo(run: RunFolder) -> None:
    setting = setting_of(run)
    title = setting.model.title if setting else run.config().model.title
    st.markdown(f"Made on {moment(run.status().created)} with {plain(title)} by")
    command = command_of(run.config())
    language = "bash" if command else "python"
    st.code(command or python_of(run.config()), language=language, wrap_lines=True)
    if st.button("Open the finished demo", icon=":material/folder_open:", key="open_demo"):
        session.show(session.DEMO)
        st.switch_page(session.LAYERS, query_params={"run": session.DEMO})


def next_steps(run: RunFolder) -> None:
    """Where the results of the shown run are."""
    st.subheader(f"Results of run {plain(session.shown_id() or '')}")
    with st.container(horizontal=True):
        st.page_link(session.ATTRIBUTION, label="Its neurons", icon=":material/search_insights:")
        st.page_link(session.LAYERS, label="Where they are", icon=":material/layers:")
        st.page_link(session.CONTROL, label="What they do", icon=":material/tune:")


def recent(runs: list[RunFolder]) -> None:
    st.subheader("Recent runs")
    if not runs:
        st.markdown("None yet. The demo, or Attribution in the sidebar, makes the first one.")
        return
    rows = []
    for run in runs:
        found = summary_of(run)
        if found.damage:
            rows.append({"run": run.id, "task": found.task, "state": "damaged", "progress": found.damage})
            continue
        status = session.status_of(run.id)
        progress = f"{status.stage} {status.done} of {status.total}" if status.total else status.stage
        rows.append(
            {
                "run": run.id,
                "task": found.task,
                "state": STATES[status.state],
                "progress": "" if status.state == "done" else progress,
                "begun": moment(status.created),
                "model": short_title(found.model),
            }
        )

    def open_selected() -> None:
        chosen = st.session_state["recent_runs"].selection.rows
        if chosen:
            session.show(rows[chosen[0]]["run"])

    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        key="recent_runs",
        # Nothing to say of runs that are all finished.
        column_order=[name for name in frame if name != "progress" or any(frame[name])],
        on_select=open_selected,
        selection_mode="single-row",
        alt="Recent runs with their state, task, model and time",
    )
    st.caption("A click on the box before a run shows it on every page.")


through_frame()
introduction()
demo()
shown = session.shown_run()
if shown is not None and setting_of(shown) is not None:
    next_steps(shown)
recent(session.recent_runs())
