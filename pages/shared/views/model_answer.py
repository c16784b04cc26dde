"""What the unmodified model makes of one prompt: bars of the four letters, their tokens, all tokens."""

import pandas as pd
import streamlit as st

from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.setting import PromptReport
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import plain
from pages.shared.views.drawn import option_bars
from pages.shared.views.figures import figure


def answer(question: ProxyQuestion, report: PromptReport, spec: ModelSpec) -> None:
    """Three numbers, the bars beside the tokens of the letters, and what was asked of what."""
    facts = engine().model(spec)
    numbers = st.columns(3)
    numbers[0].metric("Prompt tokens", len(report.token_ids), border=True)
    numbers[1].metric("P(correct letter)", f"{report.probabilities[question.target]:.1%}", border=True)
    numbers[2].metric(
        "Mass on A to D",
        f"{report.mass:.1%}",
        border=True,
        help="Probability that the next token is one of the four letters, out of the whole vocabulary.",
    )
    table = pd.DataFrame(
        {
            "option": [f"{option.letter}. {option.text}" for option in question.options],
            "token": [repr(token) for token in report.letter_tokens],
            "token id": report.letter_ids,
            "P": report.probabilities,
        }
    )
    bars, tokens = st.columns(2)
    with bars:
        labels = tuple(f"{option.letter}. {option.text}" for option in question.options)
        bar_figure = option_bars(report.probabilities, None, question.target, labels)
        figure(bar_figure.update_layout(showlegend=False), "answer", "question")
    with tokens:
        st.dataframe(
            table,
            hide_index=True,
            key="letter_tokens",
            column_config={"P": st.column_config.NumberColumn("P (of the four)", format="percent")},
            alt="The four letter tokens with their ids and probabilities",
        )
        with st.expander(f"All {len(report.token_ids)} tokens"):
            every = pd.DataFrame({"id": report.token_ids, "token": [repr(token) for token in report.tokens]})
            st.dataframe(every, key="all_tokens", height=300)
    how = f" · {facts.dtype} on {facts.device}" if facts else ""
    st.caption(plain(f"{spec.title}{how} · unmodified · question {question.id}"))
