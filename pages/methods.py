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
from neuron_core.analysis.table_side_effects import has_side_effects, side_effects_printed, with_mean_effects
from neuron_core.analysis.tables import as_printed, baseline_table
from neuron_core.cni.methods import OF_PAPER, PAPER_CONTROLS
from neuron_core.commands.experiment import COST_FILE
from neuron_core.figures.experiments import cost_lines, entry_bars
from neuron_core.reports.recipes.comparison import cost_python, table_python
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.reports.run_page import tables_html
from neuron_core.runs.store import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.submit import submit, usual_evaluation
from pages.shared.views.comparisons import evaluated_peers, peers_caption, place_of, places_of
from pages.shared.views.figures import comparison_recipe, competence, empty_state, figure, recipes, table
from pages.shared.views.results import evaluation_of, side_effects_of

REPORT = Path("experiment-report")
TABLES = {
    "Table 1": "Every method on every task, each at its best ratio.",
    "Table 2": "Rivals that find good neurons only, beside themselves with bad neurons.",
    "Table 3": "Good neurons alone, bad ones alone, and both, of our method.",
    "Table 4": "The unmodified model on each task.",
    "Table 6": "Good, bad and both neurons of each method, by task.",
    "Table 7": "Every method at every budget.",
    "Figure 9": "Seconds a layer of attribution against the length of the answer, with and without QATT.",
}
BESIDE = {
    **{one: st.column_config.NumberColumn(format="percent") for one in ("letter_mass", "unmodified_letter_mass")},
    **{one: st.column_config.NumberColumn(format="%.4g") for one in ("perplexity", "unmodified_perplexity")},
}
NUMBERS = ("rac", "rcc", "rac_low", "rac_high", "rcc_low", "rcc_high")


def run_all(run: RunFolder, missing: list[str]) -> None:
    """Offers a run of every method on the shown run's task."""
    if missing:
        st.info(f"Not evaluated on every task here: {', '.join(missing)}.")
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
                attribution=replace(config.attribution, methods=OF_PAPER),
                evaluation=replace(config.evaluation or usual_evaluation(config), methods=(*OF_PAPER, *PAPER_CONTROLS)),
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


def entries(name: str, rows: pd.DataFrame, lines: tuple[str, ...], k: int) -> None:
    """A table as printed, best and held out, its bars, and all of its entries."""
    st.markdown("**At the best ratio** (RAC/RCC in percent; chosen on these very questions: optimistic)")
    file = f"{name.lower().replace(' ', '')}-k{k}"
    printed, heldout = as_printed(rows, lines), as_printed(rows, lines, heldout=True)
    if has_side_effects(rows):
        printed = with_mean_effects(printed, rows, lines)
    table(printed, "printed", f"{file}-best", f"{name}, at the best ratio")
    st.markdown("**Held out** (the ratio chosen on one half of the examples, measured on the other)")
    table(heldout, "heldout", f"{file}-heldout", f"{name}, held out")
    st.caption(
        "Fail: RAC or RCC is negative, that is against the intended direction. Undefined: the unmodified model gets "
        "nothing right. Averages use signed values and leave out what is undefined. Deg: degrader, Enh: enhancer. "
        "random and random+ are sets of neurons drawn by chance, random+ with the same choice of the ratio: the null."
    )
    if has_side_effects(rows):
        st.markdown("**Side effects at the best ratio** (probability left on the letters A to D / perplexity)")
        beside = side_effects_printed(rows, lines)
        table(beside, "beside", f"{file}-side-effects", f"{name}, side effects at the best ratio")
        st.caption(
            "The perplexity is that of a neutral text. Empty: not measured, as for parts of a set that are not its "
            "best ratio. random+: one set, at the ratio of the first method."
        )
    measure = st.segmented_control("Measure", ["RAC", "RCC"], default="RAC", required=True, key="methods_measure")
    chosen = rows if name != "Table 7" else rows[rows["k"] == k]
    key = "rac" if measure == "RAC" else "rcc"
    bars = entry_bars(chosen, key, lines if name != "Table 7" else ("method",))
    figure(bars, "entry_bars", f"{file}-{key}")
    with st.expander("All entries with their intervals", key="entries"):
        number = st.column_config.NumberColumn(format="%.1f")
        columns = {**dict.fromkeys(NUMBERS, number), **{f"heldout_{one}": number for one in NUMBERS}, **BESIDE}
        table(rows, "all_entries", f"{file}-entries", f"Entries of {name}", column_config=columns)


def page(run: RunFolder) -> None:
    competence(run)
    found = evaluated_peers(run)
    tasks = st.multiselect("Tasks", list(found), default=list(found), key=f"methods_tasks_{'-'.join(found)}")
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
    with st.container(horizontal=True, gap="medium"):
        name = st.segmented_control(
            "Table", list(TABLES), default="Table 1", required=True, key="table", bind="query-params", wrap=True
        )
        k = st.selectbox("Budget K", ks, key="methods_k", width=120)
    st.markdown(TABLES[name])
    python: str | None = None
    if name == "Figure 9":
        cost()
        python = cost_python(run.config(), place_of(run))
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
                lines = ENTRY_TABLES[name]
                entries(name, entry_table(name, evaluations, k, ks, effects), lines, k)
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
