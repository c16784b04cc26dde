"""The answers to one question as a table, and the other questions of its example."""

import pandas as pd
import streamlit as st

from neuron_core.analysis.answers import Answer, answers
from neuron_core.cni.methods import source_title
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.results import Evaluated
from neuron_core.tasks.task import LETTERS
from pages.shared.views.figures import PROXY, PROXY_WIDTH
from pages.shared.views.words import options_text


def answer_table(found: tuple[Answer, ...], question: ProxyQuestion) -> pd.DataFrame:
    """One line an answer, with its cross entropy and what became of it."""
    before = found[0].cross_entropy
    rows = []
    for one in found:
        rows.append(
            {
                "neurons": source_title(one.source) if one.source else "unmodified",
                "direction": one.direction or "",
                "ratio": one.ratio,
                **{f"P({letter})": one.probabilities[place] for place, letter in enumerate(LETTERS)},
                "answer": LETTERS[one.letter],
                "right": "yes" if one.correct else "no",
                "cross entropy (nats)": one.cross_entropy,
                "change (nats)": one.cross_entropy - before,
                "sets": one.n_sets,
            }
        )
    return pd.DataFrame(rows)


def proxies(evaluated: Evaluated, number: int, k: int, ratios: dict) -> None:
    """The example's other orders of the same options, each with its answers."""
    st.markdown("**The questions of this example**")
    example = evaluated.questions[number].example_id
    places = [place for place, question in enumerate(evaluated.questions) if question.example_id == example]
    row = st.container(horizontal=True)
    for place in places:
        question = evaluated.questions[place]
        found = answers(evaluated.probabilities, evaluated.plan, place, k, ratios)
        with row.container(border=True, width=PROXY_WIDTH, key=f"{PROXY}{place}"):
            here = " :blue-badge[above]" if place == number else ""
            st.markdown(f"**Question {question.id.rpartition('#')[2]}**, correct: **{LETTERS[question.target]}**{here}")
            st.text(options_text(question))
            for one in found:
                who = f"{source_title(one.source)}, {one.direction}" if one.source else "Unmodified"
                sign = ":material/check:" if one.correct else ":material/close:"
                st.markdown(
                    f"{sign} {who}: **{LETTERS[one.letter]}** "
                    f"(correct one at {one.probabilities[question.target]:.0%}, {one.cross_entropy:.2f} nats)"
                )
