"""What this is, the demo, three steps, the latest results as pictures."""

from itertools import islice

import pandas as pd
import streamlit as st

from neuron_core.reports.recipes.run import command_of, python_of
from neuron_core.runs.demo import demo_config
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.frame.once import summary_of
from pages.shared.inputs.submit import submit
from pages.shared.views.comparisons import run_name
from pages.shared.views.gallery import gallery
from pages.shared.views.results import evaluation_of, setting_of
from pages.shared.views.run_history import rows_key
from pages.shared.views.tables import run_columns
from pages.shared.views.words import STATES, moment, short_title

PICTURES, MOST_LOOKED_AT = 4, 60


def introduction() -> None:
    st.markdown(
        "Find the neurons of a language model that help it with a task (**good**) and those that hinder it (**bad**). "
        "Each example becomes several multiple-choice questions, with the options in a different order each time; "
        "integrated gradients say what each neuron adds to the correct answer. Doubling and silencing the neurons, "
        "beside as many random ones, shows whether they steer the answers."
    )


def demo() -> None:
    """The finished demo first, and the button that makes it anew."""
    with st.container(horizontal=True, vertical_alignment="center", key="demo"):
        if session.has_demo() and st.button(
            "Open the finished demo", type="primary", icon=":material/folder_open:", key="open_demo"
        ):
            session.show(session.DEMO)
            st.switch_page(session.OVERVIEW, query_params={"run": session.DEMO})
        with st.popover("Run the demo yourself", icon=":material/play_arrow:"):
            run_demo()
        if session.has_demo():
            with st.popover("How it was made", icon=":material/terminal:", type="tertiary"):
                finished_demo(session.open_run(session.DEMO))


def run_demo() -> None:
    config = demo_config()
    st.markdown(
        f"Task {config.task}: {config.attribution.examples} examples to find the neurons, "
        f"{config.evaluation.examples if config.evaluation else 0} others to try them on, with the embedded model: "
        "about two minutes on a laptop with two cores, no GPU, no network."
    )
    st.caption(
        "The embedded model was tuned on the four bundled kinds of task: learn the tool on it, draw no conclusions "
        "about SmolLM2 from it."
    )
    if st.button("Run the demo", type="primary", icon=":material/play_arrow:", key="run_demo"):
        with guard():
            session.show(submit(config))
            st.rerun()


def finished_demo(run: RunFolder) -> None:
    setting = setting_of(run)
    title = setting.model.title if setting else run.config().model.title
    st.markdown(f"Made on {moment(run.status().created)} with {plain(title)} by")
    command = command_of(run.config())
    language = "bash" if command else "python"
    st.code(command or python_of(run.config()), language=language, wrap_lines=True)


def steps(shown: RunFolder | None) -> None:
    """Where are they, what do they do, one question: of the shown run."""
    if shown is None or summary_of(shown).damage or setting_of(shown) is None:
        return
    st.header(plain(f"{session.run_title(session.shown_id() or shown.id)} in three steps"), anchor=False)
    address = {"run": session.shown_id() or ""}
    for column, (number, title, said, page, icon) in zip(
        st.columns(3, border=True),
        (
            (1, "Where are they?", "Good and bad neurons over the layers.", session.LAYERS, ":material/layers:"),
            (2, "What do they do?", "Doubled and silenced, beside random ones.", session.CONTROL, ":material/tune:"),
            (3, "See one question", "The one that changes most.", session.QUESTION, ":material/help_center:"),
        ),
        strict=True,
    ):
        with column:
            st.page_link(page, label=f"**{number}. {title}**", icon=icon, query_params=address)
            st.markdown(said)


def recent(runs: list[RunFolder]) -> None:
    st.header("Recent runs", anchor=False)
    if not runs:
        st.markdown("None yet. Run the demo, or start a run on the Attribution page.")
        return
    rows = []
    titles = session.run_titles([run.id for run in runs], {run.id: run for run in runs})
    for run in runs:
        found = summary_of(run)
        if found.damage:
            rows.append({"run": run.id, "task": found.task, "state": "damaged", "progress": found.damage, "id": run.id})
            continue
        status = session.status_of(run.id)
        progress = f"{status.stage} {status.done} of {status.total}" if status.total else status.stage
        rows.append(
            {
                "run": titles[run.id],
                "task": found.task,
                "state": STATES[status.state],
                "progress": "" if status.state == "done" else progress,
                "begun": moment(status.created),
                "model": short_title(found.model),
                "id": run.id,
            }
        )

    key = rows_key("recent_runs", [row["id"] for row in rows])

    def open_selected() -> None:
        chosen = st.session_state[key].selection.rows
        if chosen:
            session.show(rows[chosen[0]]["id"])

    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        # Nothing to say of runs that are all finished.
        column_order=[name for name in run_columns(frame) if name != "progress" or any(frame[name])],
        on_select=open_selected,
        selection_mode="single-row",
        placeholder="",
        alt="Recent runs with their state, task, model and time",
    )
    st.caption("Tick a run to show it on every page.")


def evaluated() -> list[RunFolder]:
    """The newest evaluated runs, and the finished demos."""
    found = (run for run in session.all_runs(MOST_LOOKED_AT) if not summary_of(run).damage)
    return list(islice((run for run in found if evaluation_of(run) is not None), PICTURES))


through_frame()
introduction()
demo()
shown = session.shown_run()
steps(shown)
gallery(evaluated(), run_name)
recent(session.recent_runs())
