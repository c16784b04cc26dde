"""The three proxy questions of an example, and what the unmodified model makes of one of them."""

from dataclasses import replace

import streamlit as st

from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.tasks.task import LETTERS, Task
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import through_frame
from pages.shared.frame.once import summary_of
from pages.shared.inputs.example_choice import Shown, choose, known_template
from pages.shared.inputs.wording import wording_form
from pages.shared.views.figures import PROXY, PROXY_WIDTH, competence_banner
from pages.shared.views.model_answer import answer
from pages.shared.views.question_downloads import downloads
from pages.shared.views.results import baseline_of, reading_of, setting_of
from pages.shared.views.words import options_text, short_title

OPENS = " Every prompt of a run begins with the same demonstration."


def known_baseline(task: Task) -> None:
    """The banner, when the shown run has measured this task with the model of the next run."""
    run = session.shown_run()
    # Of a damaged run nothing is known; the page is about the next one.
    setting = setting_of(run) if run and not summary_of(run).damage else None
    if run is None or setting is None or setting.task_fingerprint != task.fingerprint:
        return
    found = baseline_of(run) if run.config().model == session.model_spec() else None
    if found:
        competence_banner(*found)


def side_by_side(questions: tuple[ProxyQuestion, ...]) -> None:
    st.header("One example, three questions")
    st.text(questions[0].stem)
    row = st.container(horizontal=True)
    for number, question in enumerate(questions, start=1):
        with row.container(border=True, width=PROXY_WIDTH, key=f"{PROXY}{number}"):
            st.markdown(f"**Question {number}**, correct: **{LETTERS[question.target]}**")
            st.text(options_text(question))


def what_the_model_gets(shown: Shown, place: int) -> None:
    """The exact text; around a chat prompt stands a template that only the model knows."""
    known = shown.config.template == "plain" or shown.chat is not None
    question = (shown if known else shown.as_message()).questions()[place]
    st.code(question.prompt, language=None, wrap_lines=True)
    if known:
        follows = "in the line after" if question.prompt.endswith("\n") else "after a space"
        st.caption(f"The next token, {follows}, is the answer.{'' if shown.demonstration is None else OPENS}")
    else:
        st.info(
            "The model's chat template goes around this text. It is known once the model has been loaded: press "
            "Ask the model to see the exact prompt.",
            icon=":material/chat:",
        )
    ask(shown, place, question if known else None)


def ask(shown: Shown, place: int, question: ProxyQuestion | None) -> None:
    """The model's own view of the prompt, fetched on request: the page opens without a model."""
    spec = session.model_spec()
    if st.button("Ask the model", type="primary", key="ask", icon=":material/forum:"):
        with guard(), st.spinner("Asking the model; the first time it has to be loaded"):
            if question is None:
                # Any prompt brings the model into memory, and with it its template.
                engine().inspect(shown.as_message().questions()[place].prompt, spec)
                question = replace(shown, chat=known_template(spec)).questions()[place]
            st.session_state["asked"] = (question.prompt, spec, engine().inspect(question.prompt, spec))
            # Again from the top: the sidebar says what is in memory now.
            st.rerun()
    prompt, asked_spec, report = st.session_state.get("asked", (None, None, None))
    if question is not None and prompt == question.prompt and asked_spec == spec:
        answer(question, report, spec)
    else:
        st.caption(f"Loads {plain(short_title(spec.title))} if it is not in memory.")


through_frame()
task = reading_of(session.task_name()).task
known_baseline(task)
st.caption(f"Task {plain(task.name)}: {len(task.examples):,} examples. Choose another in the sidebar.")
shown = choose(task, wording_form(session.task_name(), task))
side_by_side(shown.as_message().questions())
st.header("What the model gets")
take_link("proxy", "proxy", [1, 2, 3])
chosen = st.segmented_control(
    "Question",
    [1, 2, 3],
    default=1,
    required=True,
    key="proxy",
    label_visibility="collapsed",
    persist_state="session",
)
keep_link("proxy", chosen)
what_the_model_gets(shown, chosen - 1)
downloads(shown)
st.page_link(session.ATTRIBUTION, label="Find the neurons of this task", icon=":material/arrow_forward:")
