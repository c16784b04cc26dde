"""What each task's neurons do to every task, what tasks share, and neurons with two roles."""

import streamlit as st

from neuron_core.experiments.cross_task_runs import specific_files
from neuron_core.reports.recipes.comparison import rankings_python
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, keep_links, take_link, take_links
from pages.shared.frame.navigation import follow_click, through_frame
from pages.shared.inputs.cross_runs import missing_runs
from pages.shared.views.compared import specific_of
from pages.shared.views.comparisons import (
    SAME_NAME,
    asked_tasks,
    comparable_runs,
    comparison_caption,
    different_methods,
    of_one_method,
    places_of,
    rankings_of,
    without_run,
)
from pages.shared.views.cross_task_views import matrices_view, opposed_view, overlap_view, sets_view
from pages.shared.views.figures import comparison_recipe, competence, empty_state, footing, recipes
from pages.shared.views.results import setting_of
from pages.shared.views.task_parts import parts_view

MATRICES, PARTS, SETS, OVERLAP, OPPOSED = VIEWS = (
    "matrices",
    "letter, answering, task",
    "common and specific",
    "overlap",
    "two roles",
)


def choose_tasks(run: RunFolder, setting: Setting, found: dict[str, RunFolder]) -> tuple[list[str], int]:
    """The tasks compared, at first those that have neurons of the run's method and need no further run, and K."""
    usual = of_one_method(run, found)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        options = [*found, *without_run(found)]
        take_links("tasks", "cross_tasks", options)
        tasks = st.multiselect(
            "Tasks", options, default=usual, key="cross_tasks", persist_state="session", help=SAME_NAME
        )
        keep_links("tasks", tasks, usual)
        take_link("k", "cross_k", range(1, 10 * setting.k + 1))
        asked = st.number_input(
            "K good and K bad neurons",
            1,
            value=None if "cross_k" in st.session_state else setting.k,
            key="cross_k",
            persist_state="session",
            width=200,
        )
        k = int(asked or setting.k)
        keep_link("k", k)
    return tasks, k


def page(run: RunFolder, setting: Setting) -> None:
    competence(run)
    found = comparable_runs(run)
    tasks, k = choose_tasks(run, setting, found)
    chosen = {task: found[task] for task in tasks if task in found}
    rankings = rankings_of(chosen)
    if len(rankings) < 2:
        st.info("This page compares the neurons of two or more tasks in one model; so far there are those of one task.")
        missing_runs(run, tasks, chosen, {}, k)
        footing(run)
        return
    specific = specific_of(chosen, k)
    files = specific_files(specific, setting.model, {task: one.config() for task, one in chosen.items()})
    take_link("view", "view", VIEWS)
    view = st.segmented_control("View", VIEWS, default=MATRICES, required=True, key="view")
    keep_link("view", view)
    places = places_of({task: chosen[task] for task in rankings})
    python: str | None = None
    if view == MATRICES:
        python = matrices_view(chosen, files, k)
    elif view == PARTS:
        parts_view(run, asked_tasks(found, tasks))
    elif view == SETS:
        sets_view(chosen, k)
        python = rankings_python("specific", places, k)
    elif view == OVERLAP:
        overlap_view(chosen, k)
        python = rankings_python("overlap", places, k)
    else:
        opposed_view(chosen, k)
        python = rankings_python("opposed", places, k)
    if mixed := different_methods(chosen):
        st.warning(plain(mixed), icon=":material/warning:")
    missing_runs(run, tasks, chosen, files, k)
    comparison_caption(chosen, f"K = {k} good and {k} bad neurons")
    comparison_recipe(["fig2", "table5", "table8", "overlap"], chosen.values(), k, python)
    recipes(run)


through_frame()
follow_click()
run = session.shown_run()
setting = setting_of(run) if run else None
if run is None:
    empty_state("There is no run to compare yet.", session.START, session.ATTRIBUTION)
elif setting is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    page(run, setting)
