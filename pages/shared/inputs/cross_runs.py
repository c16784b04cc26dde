"""The runs that a comparison of tasks still needs: what they are, about how long they take, one click to start them."""

from dataclasses import replace

import streamlit as st

from neuron_core.cni.sets import NeuronSetFile
from neuron_core.experiments.cross_task_runs import cross_config, cross_runs, missing_seconds
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.presentation import presenting
from pages.shared.inputs.submit import room_of, submit, usual_evaluation
from pages.shared.views.comparisons import fingerprints_of
from pages.shared.views.words import duration, progress

EVERY = 2.0
JOBS, WANTED = "cross_jobs", "cross_wanted"


def missing_runs(
    run: RunFolder, tasks: list[str], chosen: dict[str, RunFolder], files: dict[str, NeuronSetFile], k: int
) -> None:
    """Lists the runs that are not there, and starts them all in one click; while they go on, how far they are.

    chosen: task → the run that found its neurons. files: task → its specific neurons, of two tasks or more.
    """
    if jobs := waited_for():
        progress_of_all(jobs)
        return
    without = [task for task in tasks if task not in chosen]
    tried = cross_runs(session.all_runs(), files, k, fingerprints_of(chosen)) if files else {}
    untried = [task for task in chosen if task not in tried]
    if not without and st.session_state.pop(WANTED, None) == (tuple(tasks), k) and untried and files:
        # The second half of the same click: now there are neurons of every task to try.
        with guard():
            start_trials(chosen, untried, files, k)
            st.rerun()
    if presenting() or (not without and not untried):
        return
    with st.container(border=True, key="missing"):
        if len(tasks) < 2:
            st.markdown("Choose a second task to compare with.")
            return
        # Once a task's neurons are new, every task's sets are others.
        to_try = tasks if without else untried
        lines = [
            f"- on **{plain(task)}**: an attribution, to find its neurons, and their evaluation" for task in without
        ]
        lines += [f"- on **{plain(task)}**: an evaluation of every task's specific neurons" for task in to_try]
        st.markdown("**Runs that are missing**\n" + "\n".join(lines))
        seconds = missing_seconds(run, len(without), len(to_try))
        st.markdown(
            "How long they take is known when a run of this model has been evaluated."
            if seconds is None
            else f"About {duration(seconds)} in all, by what the shown run took for its task."
        )
        if st.button("Run what is missing", type="primary", icon=":material/play_arrow:", key="run_missing"):
            with guard():
                if without:
                    st.session_state[WANTED] = (tuple(tasks), k)
                    start_attributions(run, without, k)
                else:
                    start_trials(chosen, untried, files, k)
                st.rerun()


def start_attributions(run: RunFolder, tasks: list[str], k: int) -> None:
    """A run like the shown one for each task without neurons: found, then evaluated."""
    config = run.config()
    attribution = replace(config.attribution, methods=config.attribution.methods or ("ace",))
    for task in tasks:
        wanted = replace(config, task=task, sets=(), attribution=attribution, evaluation=None)
        evaluation = config.evaluation or usual_evaluation(wanted, (k,))
        evaluation = replace(evaluation, examples=max(2, min(evaluation.examples, room_of(wanted))))
        wait_for(submit(replace(wanted, evaluation=evaluation)), task)


def start_trials(chosen: dict[str, RunFolder], tasks: list[str], files: dict[str, NeuronSetFile], k: int) -> None:
    """Every task's specific neurons on each task that they were not tried on."""
    folder = engine().store.root / "sets"
    for task in tasks:
        own = chosen[task].config()
        wait_for(submit(cross_config(own, task, files, folder, k, usual_evaluation(own, (k,)))), task)


def wait_for(run_id: str, task: str) -> None:
    """This session waits for the run."""
    st.session_state.setdefault(JOBS, {})[run_id] = task


def waited_for() -> dict[str, str]:
    """Runs that this session waits for and that go on: id → task."""
    jobs = {name: task for name, task in st.session_state.get(JOBS, {}).items() if session.is_active(name)}
    st.session_state[JOBS] = jobs
    return jobs


@st.fragment(run_every=EVERY)
def progress_of_all(jobs: dict[str, str]) -> None:
    """How far all of the runs are, in one bar; the page is drawn anew when one has ended."""
    shares, said = [], []
    for run_id, task in jobs.items():
        status = session.status_of(run_id)
        if not session.is_active(run_id):
            st.rerun()
        shares.append(status.done / status.total if status.total else 0.0)
        if status.state == "running":
            said.append(f"{task}: {progress(status)}")
    waiting = len(jobs) - len(said)
    said += [f"{waiting} waiting"] if waiting else []
    st.progress(sum(shares) / len(shares), text=plain("; ".join(said)))
