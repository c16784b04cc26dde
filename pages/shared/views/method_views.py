"""The tables of the page Methods: which there are, the unmodified model, and the cost of an answer's length."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from neuron_core.analysis.tables import baseline_table
from neuron_core.commands.experiment_models import COST_FILE, read_cost
from neuron_core.control.results import Evaluation, SideEffects
from neuron_core.figures.points import Metric
from neuron_core.reports.recipes.run import PROGRAM
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.drawn import cost_lines
from pages.shared.views.figures import figure, table
from pages.shared.views.method_tables import SIDE_EFFECT_COLUMNS

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


def cost() -> None:
    """Figure 9, where the command line has measured it in the folder that the app was started in."""
    path = REPORT / COST_FILE
    if not path.is_file():
        st.info("Not measured here yet. It takes minutes and the model for itself; this command measures it:")
        st.code(f"{PROGRAM} experiment fig9 --out {REPORT}", language="bash")
        return
    saved = read_cost(path)
    rows, model = pd.DataFrame(saved["rows"]), saved["setting"]["model"]
    figure(cost_lines(rows), "cost_lines", "figure9")
    table(rows, "cost", "figure9", "Seconds a layer by form and length of the answer")
    st.caption(
        plain(f"{model['title']}, {model['dtype']} on {model['device']}, m = {saved['setting']['cost']['steps']}")
    )


def choose_table() -> str:
    """One of TABLES; the address names it."""
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
    return name


def unmodified(evaluations: Mapping[str, Evaluation], effects: Mapping[str, SideEffects]) -> None:
    """Table 4."""
    rows = baseline_table({task: one.baseline for task, one in evaluations.items()}, dict(effects))
    number = st.column_config.NumberColumn(format="%.1f")
    shown = dict.fromkeys(("acc", "acc_low", "acc_high", "com", "com_low", "com_high"), number)
    table(
        rows,
        "baselines",
        "table4",
        "The unmodified model on each task",
        column_config={**shown, **SIDE_EFFECT_COLUMNS},
    )
    st.caption(
        "Percent, with 95% bootstrap intervals over examples; chance is 25% for acc. letter_mass: probability on "
        "the letters A to D within the vocabulary; perplexity: of a neutral text. Empty: not measured."
    )
