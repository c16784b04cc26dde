"""What each task's neurons do to every task, what tasks share, and neurons with two roles."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from neuron_core.analysis.common import common_neurons, common_table
from neuron_core.analysis.cross import CrossMatrix, cross_entries, cross_matrix
from neuron_core.analysis.specific import (
    PAIRS,
    SpecificNeurons,
    opposed_neurons,
    overlap,
    overlap_table,
    specific_neurons,
    specific_table,
)
from neuron_core.analysis.task_layers import task_layers
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.experiments.cross_task_runs import cross_config, cross_names, cross_runs, specific_files
from neuron_core.figures.cross import cross_heatmaps, overlap_heatmap
from neuron_core.figures.task_layers import share_lines
from neuron_core.figures.theme import counted
from neuron_core.reports.recipes.comparison import matrices_python, rankings_python
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.load import bundled_tasks
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.submit import room_of, submit, usual_evaluation
from pages.shared.views.comparisons import peers, peers_caption, places_of, rankings_of
from pages.shared.views.figures import comparison_recipe, competence, empty_state, figure, footing, recipes, table
from pages.shared.views.results import evaluation_of, setting_of
from pages.shared.views.tables import SCORE
from pages.shared.views.task_parts import parts_view
from pages.shared.views.words import between, duration, progress

MATRICES, PARTS, SETS, OVERLAP, OPPOSED = (
    "matrices",
    "letter, answering, task",
    "common and specific",
    "overlap",
    "two roles",
)
PANEL_WIDTH = 460
EVERY = 2.0


def missing_neurons(tasks: list[str], found: dict[str, RunFolder]) -> list[str]:
    return [task for task in tasks if task not in found]


def start_attributions(run: RunFolder, tasks: list[str], k: int) -> None:
    """A run like the shown one for each task without neurons: found, then evaluated."""
    config = run.config()
    methods = config.attribution.methods or ("ace",)
    for task in tasks:
        wanted = replace(
            config,
            task=task,
            sets=(),
            attribution=replace(config.attribution, methods=methods),
            evaluation=None,
        )
        evaluation = config.evaluation or usual_evaluation(wanted, (k,))
        evaluation = replace(evaluation, examples=max(2, min(evaluation.examples, room_of(wanted))))
        remember(submit(replace(wanted, evaluation=evaluation)), task)


def start_crossings(chosen: dict[str, RunFolder], missing: list[str], files: dict[str, NeuronSetFile], k: int) -> None:
    """Every task's specific neurons on each task that they were not tried on."""
    folder = engine().store.root / "sets"
    for task in missing:
        own = chosen[task].config()
        remember(submit(cross_config(own, task, files, folder, k, usual_evaluation(own, (k,)))), task)


def remember(run_id: str, task: str) -> None:
    """This session waits for the run."""
    st.session_state.setdefault("cross_jobs", {})[run_id] = task


def going() -> dict[str, str]:
    """Runs that this session waits for: id → task."""
    jobs = {name: task for name, task in st.session_state.get("cross_jobs", {}).items() if session.is_active(name)}
    st.session_state["cross_jobs"] = jobs
    return jobs


@st.fragment(run_every=EVERY)
def watch(jobs: dict[str, str]) -> None:
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
    st.progress(sum(shares) / len(shares), text="; ".join(said))


def cost_of(run: RunFolder, attributions: list[str], n_there: int, k: int) -> str:
    """How long the missing runs may take, from how long the shown one took."""
    seconds, config = run.status().seconds, run.config()
    each = seconds.get("attribution", 0.0) + seconds.get("evaluation", 0.0)
    n_questions = config.evaluation.examples if config.evaluation else 0
    if not each or not n_questions:
        return "How long they take is known when a run of this model has been evaluated."
    crossing = seconds.get("evaluation", 0.0)
    total = len(attributions) * (each + crossing) or n_there * crossing
    return f"About {duration(total)} in all, by what the shown run took for its task."


def what_is_missing(
    run: RunFolder, tasks: list[str], chosen: dict[str, RunFolder], files: dict[str, NeuronSetFile], k: int
) -> None:
    """Lists the runs that are not there, and starts them all in one click."""
    attributions = missing_neurons(tasks, chosen)
    there = cross_runs(session.all_runs(), files, k) if files else {}
    crossings = [task for task in chosen if task not in there]
    if going():
        return
    if not attributions and st.session_state.pop("cross_wanted", None) == (tuple(tasks), k) and crossings and files:
        # The second half of the same click: now there are neurons of every task to try.
        with guard():
            start_crossings(chosen, crossings, files, k)
            st.rerun()
    if not attributions and not crossings:
        return
    lines = [f"- neurons of **{plain(task)}**: an attribution and its evaluation" for task in attributions]
    lines += [f"- the specific neurons of all tasks on **{plain(task)}**: an evaluation" for task in tasks]
    if not attributions:
        lines = [f"- the specific neurons of all tasks on **{plain(task)}**: an evaluation" for task in crossings]
    with st.container(border=True, key="missing"):
        if len(tasks) < 2:
            st.markdown("Choose a second task to compare with.")
            return
        st.markdown("**Runs that are missing**\n" + "\n".join(lines))
        st.markdown(cost_of(run, attributions, len(chosen), k))
        if st.button("Run what is missing", type="primary", icon=":material/play_arrow:", key="run_missing"):
            with guard():
                if attributions:
                    st.session_state["cross_wanted"] = (tuple(tasks), k)
                    start_attributions(run, attributions, k)
                else:
                    start_crossings(chosen, crossings, files, k)
                st.rerun()


def matrices(chosen: dict[str, RunFolder], files: dict[str, NeuronSetFile], k: int) -> str | None:
    """What each task's specific neurons do to each task, degrading and enhancing; gives it as Python."""
    there = cross_runs(session.all_runs(), files, k)
    evaluations = {task: found for task, run in there.items() if (found := evaluation_of(run)) is not None}
    tasks = [task for task in chosen if task in evaluations]
    if not tasks:
        st.info("No task has been tried with these neurons yet; the list above says what is missing.")
        return None
    names = cross_names(tuple(files))
    metric = st.segmented_control(
        "Colour", ["RAC", "RCC"], default="RAC", required=True, key="cross_metric", persist_state="session"
    )
    found: list[CrossMatrix] = []
    columns = st.columns(2, gap="medium")
    for direction in reversed(DIRECTIONS):
        matrix = cross_matrix(evaluations, {task: names[task] for task in tasks}, k, direction)
        found.append(matrix)
        drawn = cross_heatmaps([matrix], "rac" if metric == "RAC" else "rcc")
        with columns[len(found) - 1]:
            figure(drawn.update_xaxes(tickangle=0), f"cross_{direction}", f"cross-{direction}-k{k}")
    st.caption(
        "RAC/RCC in percent of the unmodified model, positive in the intended direction; Fail: one of them is "
        "negative. A column has the one ratio that is best for its source on its own task: the diagonal is "
        "optimistic, no other cell is chosen."
    )
    rows = pd.concat([cross_entries(matrix) for matrix in found], ignore_index=True)
    number = st.column_config.NumberColumn(format="%.1f")
    table(
        rows,
        "cross_entries",
        f"cross-task-k{k}",
        "Effect of each task's specific neurons on each task",
        height=280,
        column_config=dict.fromkeys(("rac", "rcc", "rac_low", "rac_high", "rcc_low", "rcc_high"), number),
    )
    tried = {task: there[task] for task in tasks}
    random_beside(tried, k)
    return matrices_python(places_of(tried), {task: names[task] for task in tasks}, k)


def random_beside(runs: dict[str, RunFolder], k: int) -> None:
    """Random sets of the same size on each task, at the ratio that is best for them."""
    said = []
    for task, run in runs.items():
        evaluation = evaluation_of(run)
        for best in evaluation.random_best if evaluation else ():
            if best.k == k:
                said.append(f"{task}, {best.direction}: RAC {between(best.rac_low, best.rac_high)}")
    if said:
        st.caption(plain(f"Random sets, each at its own best ratio. {'; '.join(said)}."))


def sets_view(rankings: dict[str, NeuronRanking], specific: SpecificNeurons, k: int) -> None:
    """The common neurons of all tasks, and those that a task has for itself."""
    common = common_neurons(rankings, k)
    st.header("Common neurons")
    st.markdown(
        f"In the top D of at least two tasks, the smallest D that gives {k}: D = {common.good.depth} for good ones, "
        f"{common.bad.depth} for bad ones."
        + (f" {common.n_dropped} are good and bad at once and are left out." if common.n_dropped else "")
    )
    if min(len(common.good.neurons), len(common.bad.neurons)) < k:
        st.info(f"There are {len(common.good.neurons)} good and {len(common.bad.neurons)} bad ones; K is {k}.")
    table(common_table(common), "common", f"common-k{k}", "Common neurons with number of tasks and worst rank")
    if len(common.ranking().scores):
        layers = task_layers({"common": common.ranking().cut(k)}, common.n_layers)
        figure(share_lines(layers), "common_layers", f"common-layers-k{k}")
    st.header("Specific neurons")
    st.markdown(
        f"Every neuron in two or more tasks' sets is banned and the sets refilled until no two meet: "
        f"{len(specific.banned)} banned in {counted(specific.rounds, 'round')}."
    )
    table(
        specific_table(specific),
        "specific",
        f"specific-k{k}",
        "Specific neurons of each task",
        height=320,
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )


def overlap_view(rankings: dict[str, NeuronRanking], k: int) -> None:
    """Jaccard of every two tasks' sets, by role and across roles."""
    with st.container(horizontal=True, gap="medium"):
        for one, two in PAIRS:
            found = overlap(rankings, k, one, two)
            with st.container(width=PANEL_WIDTH):
                st.markdown(f"**{one} / {two}**")
                drawn = overlap_heatmap(found, f"{one} for", f"{two} for")
                figure(drawn.update_traces(showscale=False), f"overlap_{one}_{two}", f"overlap-{one}-{two}-k{k}")
    st.caption("Jaccard: neurons that both sets have, of all that either has. 0 is none, 1 is the same set.")
    overlaps = overlap_table(rankings, k)
    number = st.column_config.NumberColumn(format="%.3f")
    table(
        overlaps,
        "overlaps",
        f"overlap-k{k}",
        "Overlap of every two tasks' sets",
        height=240,
        column_config={"jaccard": number},
    )


def opposed_view(rankings: dict[str, NeuronRanking], k: int) -> None:
    """Neurons good for one task and bad for another."""
    found = opposed_neurons(rankings, k)
    if not len(found):
        st.info(f"No neuron is among the {k} good ones of one task and the {k} bad ones of another.")
        return
    n = found["id"].nunique()
    st.markdown(f"{counted(n, 'neuron')} {'is' if n == 1 else 'are'} good for one task and bad for another.")
    table(
        found,
        "opposed",
        f"two-roles-k{k}",
        "Neurons good for one task and bad for another",
        column_config={name: st.column_config.NumberColumn(format=SCORE) for name in ("good_score", "bad_score")},
    )


def page(run: RunFolder, setting: Setting) -> None:
    competence(run)
    found = peers(run)
    options = list(dict.fromkeys([*found, *bundled_tasks()]))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        # Those at hand: what they show needs no further run.
        tasks = st.multiselect("Tasks", options, default=list(found), key="cross_tasks", persist_state="session")
        take_link("k", "cross_k", range(1, 10 * setting.k + 1))
        k = int(
            st.number_input(
                "K good and K bad neurons",
                1,
                value=None if "cross_k" in st.session_state else setting.k,
                key="cross_k",
                persist_state="session",
                width=200,
            )
            or setting.k
        )
        keep_link("k", k)
    chosen = {task: found[task] for task in tasks if task in found}
    rankings = rankings_of(chosen)
    specific = specific_neurons(rankings, k) if len(rankings) > 1 else None
    configs = {task: one.config() for task, one in chosen.items()}
    files = specific_files(specific, setting.model, configs) if specific else {}
    if jobs := going():
        watch(jobs)
    if specific is None:
        st.info("Neurons of two tasks are needed to compare them; so far there are those of one.")
        what_is_missing(run, tasks, chosen, files, k)
        footing(run)
        return
    views = [MATRICES, PARTS, SETS, OVERLAP, OPPOSED]
    take_link("view", "view", views)
    view = st.segmented_control("View", views, default=MATRICES, required=True, key="view")
    keep_link("view", view)
    found_in = places_of({task: chosen[task] for task in rankings})
    python: str | None
    if view == MATRICES:
        python = matrices(chosen, files, k)
    elif view == PARTS:
        parts_view(session.all_runs(), tasks)
        python = None
    elif view == SETS:
        sets_view(rankings, specific, k)
        python = rankings_python("specific", found_in, k)
    elif view == OVERLAP:
        overlap_view(rankings, k)
        python = rankings_python("overlap", found_in, k)
    else:
        opposed_view(rankings, k)
        python = rankings_python("opposed", found_in, k)
    what_is_missing(run, tasks, chosen, files, k)
    peers_caption(chosen, f"K = {k} good and {k} bad neurons")
    comparison_recipe(["fig2", "table5", "table8", "overlap"], chosen.values(), k, python)
    recipes(run)


through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
if run is None:
    empty_state("There is no run to compare yet.", session.START, session.ATTRIBUTION)
elif setting is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    page(run, setting)
