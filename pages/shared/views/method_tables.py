"""The tables of methods: bars first, RAC and RCC in columns of their own, then as the paper prints them."""

import pandas as pd
import streamlit as st

from neuron_core.analysis.entries import AVERAGE
from neuron_core.analysis.letter_free import letter_free_table
from neuron_core.analysis.table_side_effects import has_side_effects, side_effects_printed, with_mean_effects
from neuron_core.analysis.tables import as_printed
from neuron_core.control.results import Evaluation
from neuron_core.figures.points import Metric
from pages.shared.frame.folds import unfolded
from pages.shared.frame.presentation import presenting
from pages.shared.views.drawn import entry_bars
from pages.shared.views.figures import figure, table

SIDE_EFFECT_COLUMNS = {
    **{one: st.column_config.NumberColumn(format="percent") for one in ("letter_mass", "unmodified_letter_mass")},
    **{one: st.column_config.NumberColumn(format="%.4g") for one in ("perplexity", "unmodified_perplexity")},
}
NUMBERS = ("rac", "rcc", "rac_low", "rac_high", "rcc_low", "rcc_high")


def entries(name: str, rows: pd.DataFrame, lines: tuple[str, ...], k: int, key: Metric) -> None:
    """The bars of a table, its numbers with RAC and RCC apart, then as printed, and all of its entries."""
    file = f"{name.lower().replace(' ', '')}-k{k}"
    # The average of one task is that task again.
    tasks = rows if len(set(rows["task"]) - {AVERAGE}) != 1 else rows[rows["task"] != AVERAGE]
    chosen = tasks if name != "Table 7" else tasks[tasks["k"] == k]
    figure(entry_bars(chosen, key, lines if name != "Table 7" else ("method",)), "entry_bars", f"{file}-{key}")
    if presenting():
        return
    st.markdown(
        f"**{key.upper()} at the best ratio, in percent** (chosen on these questions, so optimistic; Enh: enhancer, "
        "Deg: degrader)"
    )
    wide = apart(tasks, key, lines)
    # Tasks keep the names that they have.
    shown = {name: st.column_config.NumberColumn(name, format="%.1f") for name in wide.columns if name not in lines}
    table(wide, "apart", f"{file}-{key}", f"{name}: {key.upper()} by task and direction", column_config=shown)
    if fold := unfolded("As printed in the paper, and held out", "as_printed"):
        with fold:
            printed, heldout = as_printed(rows, lines), as_printed(rows, lines, heldout=True)
            if has_side_effects(rows):
                printed = with_mean_effects(printed, rows, lines)
            st.markdown("**At the best ratio** (RAC/RCC in percent; chosen on these questions, so optimistic)")
            table(printed, "printed", f"{file}-best", f"{name}, at the best ratio")
            st.markdown("**Held out** (the ratio chosen on one half of the examples, measured on the other)")
            table(heldout, "heldout", f"{file}-heldout", f"{name}, held out")
            st.caption(
                "Fail: RAC or RCC is negative, that is against the intended direction. Undefined: the unmodified model "
                "gets nothing right. Averages use signed values and leave out what is undefined. Deg: degrader, Enh: "
                "enhancer. The random methods are sets of neurons drawn by chance; “good and bad” chooses its ratio "
                "too."
            )
            if has_side_effects(rows):
                st.markdown("**Side effects at the best ratio** (probability left on the letters A to D / perplexity)")
                side_effects = side_effects_printed(rows, lines)
                table(side_effects, "side_effects", f"{file}-side-effects", f"{name}, side effects at the best ratio")
                st.caption(
                    "The perplexity is that of a neutral text. Empty: not measured, as for parts of a set that are not "
                    "its best ratio. Random (good and bad): one set, at the ratio of the first method."
                )
    if fold := unfolded("All entries with their intervals", "entries"):
        with fold:
            number = st.column_config.NumberColumn(format="%.1f")
            columns = {
                **dict.fromkeys(NUMBERS, number),
                **{f"heldout_{one}": number for one in NUMBERS},
                **SIDE_EFFECT_COLUMNS,
            }
            table(rows, "all_entries", f"{file}-entries", f"Entries of {name}", column_config=columns)


def apart(rows: pd.DataFrame, measure: str, lines: tuple[str, ...]) -> pd.DataFrame:
    """One measure alone: a row a method, a column a task and direction."""
    short = rows.assign(column=rows["task"] + " " + rows["direction"].map({"degrader": "Deg", "enhancer": "Enh"}))
    order = list(dict.fromkeys(short["column"]))
    wide = short.pivot_table(index=list(lines), columns="column", values=measure, sort=False, dropna=False)
    return wide.reindex(columns=order).round(1).reset_index()


def letter_free(evaluations: dict[str, Evaluation], k: int) -> None:
    """RAC and RCC beside what no preference of letters moves."""
    rows = letter_free_table(evaluations, k)
    st.markdown(
        "RAC in two parts: **content**, the change with the letter preference taken out, and **letters**, the rest. "
        "The content margin says how much higher the right option is scored than the others, averaged over letters."
    )
    number, share = st.column_config.NumberColumn(format="%.1f"), st.column_config.NumberColumn(format="percent")
    table(
        rows,
        "letter_free",
        f"letter-free-k{k}",
        "Effects of every method beside their letter-free measures",
        column_config={
            **dict.fromkeys(("rac", "rcc", "rac_content", "rac_letters"), number),
            **dict.fromkeys(("content_acc", "acc_letters_removed"), share),
            "content_margin": st.column_config.NumberColumn("content margin (nats)", format="%.3g"),
        },
    )
