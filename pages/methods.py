"""The paper's tables for the available runs: every method through the same evaluation."""

from dataclasses import replace

import streamlit as st

from neuron_core.analysis.available_tables import (
    ENTRY_TABLES,
    can_be_made,
    common_budgets,
    entry_table,
    lacking,
    methods_of,
)
from neuron_core.cni.methods import PAPER_CONTROLS, PAPER_METHODS, source_title
from neuron_core.reports.recipes.comparison import cost_python, table_python
from neuron_core.reports.run_page import tables_html
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, keep_links, take_link, take_links
from pages.shared.frame.navigation import through_frame
from pages.shared.frame.presentation import presenting
from pages.shared.inputs.submit import submit, usual_evaluation
from pages.shared.views.comparisons import SAME_NAME, comparison_caption, evaluated_runs, place_of, places_of
from pages.shared.views.figures import comparison_recipe, competence, empty_state, recipes
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.method_tables import entries, letter_free
from pages.shared.views.method_views import choose_measure, choose_table, cost, unmodified
from pages.shared.views.results import evaluation_of, side_effects_of


def run_all(run: RunFolder, missing: list[str]) -> None:
    """Offers a run of every method on the shown run's task."""
    if missing and not presenting():
        st.markdown(f"Not yet run on all chosen tasks: {', '.join(map(source_title, missing))}.")
    config = run.config()
    if st.button(
        f"Run all methods on {plain(session.task_title(run))}",
        icon=":material/play_arrow:",
        key="run_all_methods",
        help="A new run with the settings of the shown one: every method attributed and evaluated.",
    ):
        with guard():
            wanted = replace(
                config,
                sets=(),
                attribution=replace(config.attribution, methods=PAPER_METHODS),
                evaluation=replace(
                    config.evaluation or usual_evaluation(config), methods=(*PAPER_METHODS, *PAPER_CONTROLS)
                ),
            )
            session.show(submit(wanted))
            st.rerun()


def page(run: RunFolder) -> None:
    competence(run)
    found = evaluated_runs(run)
    choices = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    key, names = f"methods_tasks_{'-'.join(found)}", list(found)
    take_links("tasks", key, names)
    tasks = choices.multiselect("Tasks", names, default=names, key=key, help=SAME_NAME)
    keep_links("tasks", tasks, names)
    chosen = {task: found[task] for task in tasks}
    evaluations = {task: one for task, folder in chosen.items() if (one := evaluation_of(folder)) is not None}
    if not evaluations:
        st.info("Choose at least one task.")
        return
    effects = {task: one for task, folder in chosen.items() if (one := side_effects_of(folder)) is not None}
    ks = common_budgets(evaluations)
    if not ks:
        st.info("These tasks were evaluated with different budgets; none of them is in all. Evaluate one again.")
        return
    take_link("k", "methods_k", ks)
    k = choices.selectbox("Budget K", ks, len(ks) - 1, key="methods_k", width=110, help=GLOSSARY["K"])
    keep_link("k", k)
    name = choose_table()
    python: str | None = None
    if name == "Figure 9":
        cost()
        python = cost_python(run.config(), place_of(run))
    elif name == "letter-free":
        letter_free(evaluations, k)
    elif name == "Table 4":
        unmodified(evaluations, effects)
        python = table_python(name, places_of(chosen), k, [], ks)
    else:
        if can_be_made(name, evaluations, k):
            with guard():
                with choices:
                    measure = choose_measure()
                lines = ENTRY_TABLES[name]
                entries(name, entry_table(name, evaluations, k, ks, effects), lines, k, measure)
                python = table_python(name, places_of(chosen), k, methods_of(name, evaluations, k), ks, lines)
        run_all(run, lacking(name, evaluations, k))
    st.download_button(
        "Report of all tables, HTML",
        lambda: tables_html(chosen, k),
        f"tables-k{k}.html",
        "text/html",
        key="tables_report",
        on_click="ignore",
        icon=":material/download:",
        help="One file with the tables and figures that these runs allow; it opens without a network.",
    )
    comparison_caption(chosen, f"K = {k}")
    if name != "letter-free":
        output = name.lower().replace("figure ", "fig").replace(" ", "")
        comparison_recipe([output], chosen.values(), k, python)
    recipes(run)


through_frame()
run = session.shown_run()
if run is None:
    empty_state("There is no run to make tables of yet.", session.START, session.ATTRIBUTION)
elif not evaluated_runs(run):
    empty_state("No run of this model has an evaluation yet.", session.CONTROL)
else:
    page(run)
