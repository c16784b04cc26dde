"""Which answers the Question page shows beside the unmodified model's."""

import streamlit as st

from neuron_core.analysis.answers import PARTS, chosen_ratios
from neuron_core.cni.methods import source_title
from neuron_core.control.results import Evaluation
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, keep_links, take_link, take_links, yes_no

BEST, ONE = "each one's best", "one for all"


def choose_interventions(evaluation: Evaluation) -> tuple[int, dict, str | None]:
    """Budget, the ratio of every source and direction that is shown, and whose parts are shown alone."""
    with st.container(horizontal=True, gap="medium"):
        ks = sorted({row.k for row in evaluation.grid})
        take_link("k", "control_k", ks)
        k = st.selectbox("Budget K", ks, len(ks) - 1, key="control_k", persist_state="session", width=110)
        keep_link("k", k)
        take_link("ratios", "question_ratio_mode", [BEST, ONE])
        how = st.segmented_control(
            "Ratio", [BEST, ONE], default=BEST, required=True, key="question_ratio_mode", persist_state="session"
        )
        keep_link("ratios", how)
        ratio = None
        ratios = sorted({row.ratio for row in evaluation.grid})
        if how == ONE and len(ratios) > 1:
            take_link("ratio", "question_ratio", ratios, _short)
            ratio = st.select_slider(
                "Share of good neurons",
                ratios,
                0.5 if 0.5 in ratios else ratios[0],
                key="question_ratio",
                format_func=_short,
                persist_state="session",
                width=260,
            )
            keep_link("ratio", _short(ratio))
        whose = two_sided(evaluation, k)
        parts = False
        if whose is not None:
            take_link("alone", "question_parts", [True, False], yes_no)
            parts = st.toggle(
                "Good and bad alone",
                key="question_parts",
                persist_state="session",
                help=f"Also the good neurons of {plain(source_title(whose))} without the bad ones, and the reverse.",
            )
            keep_link("alone", yes_no(parts))
    found = chosen_ratios(evaluation, k, ratio)
    sources = list(dict.fromkeys(source for source, _ in found))
    if len(sources) > 3:
        usual = first_of(sources)
        take_links("methods", "question_sources", sources)
        shown = st.multiselect("Methods", sources, default=usual, format_func=source_title, key="question_sources")
        keep_links("methods", shown, usual)
        found = {key: value for key, value in found.items() if key[0] in shown}
    return k, found, whose if parts and any(source == whose for source, _ in found) else None


def _short(ratio: float) -> str:
    return f"{ratio:g}"


def two_sided(evaluation: Evaluation, k: int) -> str | None:
    """The first source that was tried with its good neurons alone and with its bad ones alone."""
    for source in dict.fromkeys(row.source for row in evaluation.grid):
        if set(PARTS.values()) <= {row.ratio for row in evaluation.grid if (row.k, row.source) == (k, source)}:
            return source
    return None


def first_of(sources: list[str]) -> list[str]:
    """Three methods and the random sets beside them."""
    random = [source for source in sources if source.startswith("random")]
    return [*[source for source in sources if source not in random][:3], *random[:1]]
