"""The paper's tables for the runs at hand: every method through the same evaluation."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from neuron_core.analysis.available_tables import (
    ENTRY_TABLES,
    can_be_made,
    common_budgets,
    entry_table,
    lacking,
    methods_of,
)
from neuron_core.analysis.tables import baseline_table
from neuron_core.cni.methods import PAPER_CONTROLS, PAPER_METHODS
from neuron_core.commands.experiment_models import COST_FILE
from neuron_core.figures.experiments import cost_lines
from neuron_core.figures.points import Metric
from neuron_core.reports.recipes.comparison import cost_python, table_python
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.reports.run_page import tables_html
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.submit import submit, usual_evaluation
from pages.shared.views.comparisons import evaluated_peers, peers_caption, place_of, places_of
from pages.shared.views.figures import comparison_recipe, competence, empty_state, figure, recipes, table
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.method_tables import BESIDE, entries, letter_free
from pages.shared.views.results import evaluation_of, side_effects_of

REPORT = Path("experiment-report")
TABLES = {
    "Table 1": ("Every method", "Every method on every task, each at its best ratio."),
    "letter-free": ("Letters and content", "Every method beside measures that no preference of letters moves."),
    "Table 2": ("With bad neurons", "Rivals that find good neurons only, beside themselves with bad neurons."),
    "Table 3": ("Good, bad, both", "Good neurons alone, bad ones alone, and both, of our method."),
    "Table 4": ("Unmodified model", "The unmodified model on each task."),
    "Table 6": ("Parts of each method", "Good, bad and both neurons of each method, by task."),
    "Table 7": ("Every budget", "Every method at every budget."),
    "Figure 9": ("Cost", "Seconds a layer of attribution against the length of the answer, with and without QATT."),
}


def titled(name: str) -> str:
    """What a table holds, and the paper's number of it after."""
    return TABLES[name][0] if name == "letter-free" else f"{TABLES[name][0]} ({name})"


def choose_measure() -> Metric:
    measures = ["RAC", "RCC"]
    take_link("measure", "methods_measure", measures)
    measure = st.segmented_control("Measure", measures, default="RAC", required=True, key="methods_measure")
    keep_link("measure", measure)
    return "rac" if measure == "RAC" else "rcc"


def run_all(run: RunFolder, missing: list[str]) -> None:
    """Offers a run of every method on the shown run's task."""
    if missing:
        st.markdown(f"Not yet run on all chosen tasks: {', '.join(missing)}.")
    config = run.config()
    if st.button(
        f"Run all methods on {plain(config.task.rpartition('/')[2])}",
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


def cost() -> None:
    """Figure 9, where the command line has measured it in the folder that the app was started in."""
    path = REPORT / COST_FILE
    if not path.is_file():
        st.info("Not measured here yet. It takes minutes and the model for itself; this command measures it:")
        st.code(f"{PROGRAM} experiment fig9 --out {REPORT}", language="bash")
        return
    saved = json.loads(path.read_text(encoding="utf-8"))
    rows, model = pd.DataFrame(saved["rows"]), saved["setting"]["model"]
    figure(cost_lines(rows), "cost_lines", "figure9")
    table(rows, "cost", "figure9", "Seconds a layer by form and length of the answer")
    st.caption(
        plain(f"{model['title']}, {model['dtype']} on {model['device']}, m = {saved['setting']['cost']['steps']}")
    )


def page(run: RunFolder) -> None:
    competence(run)
    found = evaluated_peers(run)
    choices = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    tasks = choices.multiselect("Tasks", list(found), default=list(found), key=f"methods_tasks_{'-'.join(found)}")
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
    take_link("table", "table", list(TABLES))
    name = st.segmented_control(
        "Table",
        list(TABLES),
        default="Table 1",
        required=True,
        key="table",
        format_func=titled,
        wrap=True,
        label_visibility="collapsed",
    )
    keep_link("table", name)
    python: str | None = None
    if name == "Figure 9":
        cost()
        python = cost_python(run.config(), place_of(run))
    elif name == "letter-free":
        letter_free(evaluations, k)
    elif name == "Table 4":
        rows = baseline_table({task: one.baseline for task, one in evaluations.items()}, effects)
        number = st.column_config.NumberColumn(format="%.1f")
        shown = {**dict.fromkeys(("acc", "acc_low", "acc_high", "com", "com_low", "com_high"), number), **BESIDE}
        python = table_python(name, places_of(chosen), k, [], ks)
        table(rows, "baselines", "table4", "The unmodified model on each task", column_config=shown)
        st.caption(
            "Percent, with 95% bootstrap intervals over examples; chance is 25% for acc. letter_mass: probability on "
            "the letters A to D within the vocabulary; perplexity: of a neutral text. Empty: not measured."
        )
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
    peers_caption(chosen, f"K = {k}")
    if name != "letter-free":
        output = name.lower().replace("figure ", "fig").replace(" ", "")
        comparison_recipe([output], chosen.values(), k, python)
    recipes(run)


through_frame()
run = session.shown_run()
if run is None:
    empty_state("There is no run to make tables of yet.", session.START, session.ATTRIBUTION)
elif not evaluated_peers(run):
    empty_state("No run of this model has an evaluation yet.", session.CONTROL)
else:
    page(run)
