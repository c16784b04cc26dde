"""The three proxy questions of an example, and what the unmodified model makes of one of them."""

import pandas as pd
import streamlit as st

from neuron_core.figures.question import option_bars
from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.setting import PromptReport
from neuron_core.tasks.task import LETTERS, Task
from pages.shared import state
from pages.shared.engine import engine
from pages.shared.frame import through_frame
from pages.shared.guard import guard, plain
from pages.shared.results import baseline_of, reading_of, setting_of
from pages.shared.widgets import competence_banner, figure
from pages.shared.words import options_text

BY_SEED = "by seed"


def known_baseline(task: Task) -> None:
    """The banner, when the shown run has measured this task with the model of the next run."""
    run = state.shown_run()
    setting = setting_of(run) if run else None
    if run is None or setting is None or setting.task_fingerprint != task.fingerprint:
        return
    found = baseline_of(run) if run.config().model == state.model_spec() else None
    if found:
        competence_banner(*found)


def step(by: int, last: int) -> None:
    """Callback of previous and next."""
    st.session_state["example"] = min(max(st.session_state["example"] + by, 1), last)


def choose(task: Task) -> tuple[ProxyQuestion, ...]:
    """Seed, demonstration and example; gives the example's three questions."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    seed = int(row.number_input("Seed", 0, value=0, key="question_seed", persist_state="session", width=140))
    letter = row.selectbox(
        "Letter of the demonstration",
        (BY_SEED, *LETTERS),
        key="demonstration_letter",
        persist_state="session",
        width=200,
    )
    demonstration = draw(task, 0, 0, seed).demonstration
    examples = [example for example in task.examples if example.id != demonstration.id]
    last = len(examples)
    with row:
        number = int(
            st.number_input(f"Example (1 to {last})", 1, last, key="example", persist_state="session", width=180)
        )
        st.button("Previous", key="previous", on_click=step, args=(-1, last), disabled=number == 1)
        st.button("Next", key="next", on_click=step, args=(1, last), disabled=number == last)
    return proxy_questions(
        examples[number - 1], task, demonstration, seed, PromptConfig(letter=None if letter == BY_SEED else letter)
    )


def side_by_side(questions: tuple[ProxyQuestion, ...]) -> None:
    st.subheader("One example, three questions")
    st.text(questions[0].stem)
    for number, (column, question) in enumerate(zip(st.columns(3, border=True), questions, strict=True), start=1):
        with column:
            st.markdown(f"**Question {number}**, correct: **{LETTERS[question.target]}**")
            st.text(options_text(question))


def ask(question: ProxyQuestion) -> None:
    """The model's own view of the prompt, fetched on request: the page opens without a model."""
    spec = state.model_spec()
    if st.button("Ask the model", type="primary", key="ask", icon=":material/forum:"):
        with guard(), st.spinner("Asking the model; the first time it has to be loaded"):
            st.session_state["asked"] = (question.prompt, spec, engine().inspect(question.prompt, spec))
            # Again from the top: the sidebar says what is in memory now.
            st.rerun()
    prompt, asked_spec, report = st.session_state.get("asked", (None, None, None))
    if prompt == question.prompt and asked_spec == spec:
        answer(question, report)
    else:
        st.caption(f"Loads {plain(spec.title)} if it is not in memory; nothing is computed before.")


def answer(question: ProxyQuestion, report: PromptReport) -> None:
    facts = engine().model()
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
    if facts:
        st.caption(plain(f"{facts.title} · {facts.dtype} on {facts.device} · unmodified · question {question.id}"))


through_frame()
task = reading_of(state.task_name()).task
known_baseline(task)
st.caption(f"Task {plain(task.name)}: {len(task.examples)} examples. Another one can be chosen in the sidebar.")
questions = choose(task)
side_by_side(questions)
st.subheader("What the model gets")
chosen = st.segmented_control(
    "Question",
    [1, 2, 3],
    default=1,
    required=True,
    key="proxy",
    label_visibility="collapsed",
    persist_state="session",
)
question = questions[chosen - 1]
st.code(question.prompt, language=None, wrap_lines=True)
st.caption("The next token is the answer. The demonstration opens every prompt of a run.")
ask(question)
