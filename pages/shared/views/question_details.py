"""The numbers of one question as a table, and the other orders of its options."""

import streamlit as st

from neuron_core.analysis.answers import Answer
from neuron_core.runs.results import Evaluated
from neuron_core.tasks.task import LETTERS
from pages.shared.frame.folds import unfolded
from pages.shared.views.answers import answer_table, proxies
from pages.shared.views.figures import table


def details(evaluated: Evaluated, number: int, k: int, ratios: dict, found: tuple[Answer, ...], name: str) -> None:
    """The numbers as a table, and the other orders of the options."""
    if fold := unfolded("Details", "details", ":material/info:"):
        with fold:
            st.caption(
                "The best ratio was chosen on all questions of this evaluation, including this one, so it is "
                "optimistic. Random sets have the ratio of the first method; their bars are means with the range over "
                "sets."
            )
            percent = st.column_config.NumberColumn(format="percent")
            nats = st.column_config.NumberColumn(format="%.3g")
            table(
                answer_table(found, evaluated.questions[number]),
                "answers",
                name,
                f"Answers to question {evaluated.questions[number].id} with their probabilities and cross entropies",
                column_config={
                    "neurons": st.column_config.Column(width=200),
                    **{f"P({letter})": percent for letter in LETTERS},
                    "cross entropy (nats)": nats,
                    "change (nats)": nats,
                },
            )
            proxies(evaluated, number, k, ratios)
