"""What one cell of the grid comes to: the verdict, the curve beside its cards, and the rest as details."""

from typing import Literal

import streamlit as st

from neuron_core.control.metrics import Evaluation
from neuron_core.figures.control import Metric
from neuron_core.figures.theme import counted
from neuron_core.reports.verdict import letters_lost, verdict_of
from neuron_core.runs.results import Cell
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.presentation import pixels
from pages.shared.views.drawn import budget_curves, effect_split, letter_bars, ratio_curves
from pages.shared.views.figures import figure
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.results import side_effects_of
from pages.shared.views.words import (
    between,
    change,
    effect_badge,
    letter_warning,
    letters_under,
    side_effects_in_words,
)

METRICS: dict[str, Metric] = {"RAC (accuracy)": "rac", "RCC (comprehension)": "rcc"}
CARDS_WIDTH = 290
"pixels, which hold the longest verdict"
OVER_RATIO, OVER_BUDGET, PARTS = "over the ratio", "over the budget K", "letters and content"
CHANGED = {"rac": "accuracy", "rcc": "comprehension"}


def verdict(run: RunFolder, setting: Setting, cell: Cell, evaluation: Evaluation) -> None:
    """The sentence, whether letters are still answered at all, and at the top where most of the effect is letters."""
    found, effects = verdict_of(cell, evaluation.baseline, setting.task_name), side_effects_of(run)
    with st.container(key="verdict"):
        lost = letters_lost(effects, cell) if effects is not None else None
        # One paragraph: the figure below it is to be in view.
        quiet = None if found.mostly_letters else found.parts
        said = " ".join(filter(None, (found.sentence, lost, quiet)))
        st.markdown(f"{effect_badge(cell)} {plain(said)}")
        if found.mostly_letters:
            st.warning(plain(found.parts or ""), icon=":material/abc:")
        elif not found.parts and (warning := letter_warning(cell.row, evaluation.baseline)):
            with st.container(key="letter_warning"):
                st.warning(warning, icon=":material/abc:")


def effect(run: RunFolder, setting: Setting, evaluation: Evaluation, cell: Cell) -> None:
    """The verdict, then the curve beside the two cards."""
    verdict(run, setting, cell, evaluation)
    # Columns would shrink the cards with the window and cut their words off.
    with st.container(horizontal=True, gap="medium"):
        with st.container(key="curve_of_cell"):
            curves(evaluation, cell)
        with st.container(width=pixels(CARDS_WIDTH)):
            for name in ("rac", "rcc"):
                card(cell, name)


def card(cell: Cell, name: Literal["rac", "rcc"]) -> None:
    """One measure of the cell beside its interval and the random sets."""
    with st.container(border=True, key=f"card_{name}"):
        title = f"{name.upper()} at ratio {cell.row.ratio:g}"
        st.metric(title, change(getattr(cell.row, name)), help=GLOSSARY[name.upper()])
        if getattr(cell.row, name) is None:
            st.caption(f"It is a change in percent of the unmodified model's {CHANGED[name]}, which is 0 here.")
            return
        st.markdown(effect_badge(cell, name))
        st.caption(f"95% interval: {between(*(getattr(cell.row, f'{name}_interval') or (None, None)))}")
        if cell.random:
            low, high = (getattr(cell.random, f"{name}_{end}") for end in ("low", "high"))
            st.caption(f"{counted(cell.random.n_seeds, 'random set')}: {between(low, high)}")


def curves(evaluation: Evaluation, cell: Cell) -> None:
    """The measure over ratio or budget, or what the effect is made of."""
    k, source, name = cell.row.k, cell.row.source, session.shown_id()
    views = [OVER_RATIO, OVER_BUDGET]
    if getattr(cell.row, "rac_letters", None) is not None:
        views.insert(0, PARTS)
    with st.container(horizontal=True, gap="large"):
        take_link("view", "over", views)
        over = st.segmented_control(
            "Shown", views, default=views[0], required=True, key="over", label_visibility="collapsed"
        )
        keep_link("view", over)
        metrics = list(METRICS)
        take_link("measure", "metric", metrics)
        chosen = metrics[0]
        if over != PARTS:
            chosen = st.segmented_control(
                "Measure", metrics, default=metrics[0], required=True, key="metric", label_visibility="collapsed"
            )
            keep_link("measure", chosen)
    metric = METRICS[chosen]
    if over == PARTS:
        figure(effect_split(cell.row, cell.random, evaluation.baseline), "effect_parts", f"parts-{name}-k{k}")
    elif over == OVER_RATIO:
        figure(ratio_curves(evaluation, k, metric, source), "ratio_curves", f"{metric}-ratio-{name}-k{k}")
    else:
        figure(budget_curves(evaluation, "best", metric, source), "budget_curves", f"{metric}-budget-{name}")
        budgets = ", ".join(str(one) for one in sorted({row.k for row in evaluation.grid}))
        st.caption(
            f"K = {budgets}, each at its best ratio, with the held-out values beside; random sets get the same choice."
        )


def details(run: RunFolder, setting: Setting, evaluation: Evaluation, cell: Cell) -> None:
    """What stands behind the verdict: held-out values, letters, side effects, how examples were chosen."""
    if fold := unfolded("Details", "details", ":material/info:"):
        with fold:
            row, best = cell.row, cell.best
            st.markdown(f"{row.n_good} good and {row.n_bad} bad neurons are used.")
            cards = st.container(horizontal=True, key="cards")
            for name in ("rac", "rcc"):
                with cards.container(border=True, width=260):
                    st.metric(
                        f"{name.upper()}, held out",
                        change(getattr(best, f"heldout_{name}")),
                        help="The ratio is chosen on one half of the examples and measured on the other, both ways.",
                    )
                    st.caption(f"95% interval: {between(*(getattr(best, f'heldout_{name}_interval') or (None, None)))}")
                    st.caption(f"Best ratio {best.ratio:g}: {change(getattr(best, name))} (optimistic)")
            st.caption("The best ratio was chosen on the same questions, so these numbers are optimistic.")
            st.markdown(letters_under(row, evaluation.baseline))
            figure(letter_bars(evaluation.baseline), "letter_bars", f"letters-{session.shown_id()}")
            effects = side_effects_of(run)
            if effects is not None and (said := side_effects_in_words(effects, cell)):
                st.markdown(said)
            sample(setting)


def sample(setting: Setting) -> None:
    """How the evaluation examples were chosen, where not as drawn, and whether there were enough."""
    chosen = setting.sample
    if chosen is None:
        return
    parts = [f"{len(chosen.comprehended)} comprehended"]
    if chosen.kind == "balanced":
        parts.append(f"{len(chosen.others)} not comprehended")
    short = "" if chosen.full else f" There are not the {chosen.wanted} examples that were asked for."
    st.caption(f"Sample: {chosen.kind}, {' and '.join(parts)} examples, by {plain(chosen.chosen_by)}.{short}")
