"""The three proxy questions of an example, and what the unmodified model makes of one of them."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from neuron_core.estimates.estimate import facts_from_runs
from neuron_core.figures.question import option_bars
from neuron_core.models.chat import ChatTemplate
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.export import questions_csv, questions_jsonl
from neuron_core.qatt.prompt import check_wording
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion
from neuron_core.runs.setting import PromptReport
from neuron_core.tasks.task import LETTERS, Example, Task
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.wording import use_wording, wording_form
from pages.shared.views.figures import PROXY_WIDTH, competence_banner, figure
from pages.shared.views.results import baseline_of, reading_of, setting_of
from pages.shared.views.words import options_text

MOST = 20_000
OPENS = " The demonstration opens every prompt of a run."
FORMATS = (("jsonl", "application/jsonl", questions_jsonl), ("csv", "text/csv", questions_csv))


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows questions of."""

    task: Task
    config: PromptConfig
    seed: int
    demonstration: Example | None
    examples: tuple[Example, ...]
    "all that may be asked about"
    example: Example
    chat: ChatTemplate | None

    def questions(self) -> tuple[ProxyQuestion, ...]:
        """The three of the example."""
        return self._questions((self.example,))

    def all_questions(self) -> tuple[ProxyQuestion, ...]:
        return self._questions(self.examples)

    def as_message(self) -> "Shown":
        """Without the chat template around."""
        return replace(self, config=replace(self.config, template="plain"))

    def _questions(self, examples: tuple[Example, ...]) -> tuple[ProxyQuestion, ...]:
        return questions_of(self.task, examples, self.demonstration, self.seed, self.config, self.chat)


def known_baseline(task: Task) -> None:
    """The banner, when the shown run has measured this task with the model of the next run."""
    run = session.shown_run()
    setting = setting_of(run) if run else None
    if run is None or setting is None or setting.task_fingerprint != task.fingerprint:
        return
    found = baseline_of(run) if run.config().model == session.model_spec() else None
    if found:
        competence_banner(*found)


def step(by: int, last: int) -> None:
    """Callback of previous and next."""
    st.session_state["example"] = min(max(st.session_state["example"] + by, 1), last)


def choose(task: Task, config: PromptConfig) -> Shown:
    """Seed and example; gives the example with its three questions."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    seed = int(row.number_input("Seed", 0, value=0, key="question_seed", persist_state="session", width=140))
    check_wording(task, (), seed, config)
    demonstration = draw(task, 0, 0, seed, config.demonstration).demonstration
    examples = tuple(example for example in task.examples if example != demonstration)
    last = len(examples)
    with row:
        number = int(
            st.number_input(f"Example (1 to {last})", 1, last, key="example", persist_state="session", width=180)
        )
        st.button("Previous", key="previous", on_click=step, args=(-1, last), disabled=number == 1)
        st.button("Next", key="next", on_click=step, args=(1, last), disabled=number == last)
        example = examples[number - 1]
        st.button(
            "Make it the demonstration",
            key="make_demonstration",
            on_click=use_wording,
            args=(session.task_name(), task, replace(config, demonstration=example.id)),
            help="Every prompt of the next run then opens with this example, solved.",
        )
    chat = known_template(session.model_spec()) if config.template == "chat" else None
    return Shown(task, config, seed, demonstration, examples, example, chat)


def known_template(spec: ModelSpec) -> ChatTemplate | None:
    """The model's chat template, once it has been in memory or in a run."""
    loaded = engine().model()
    if loaded is not None and loaded.title == spec.title:
        return loaded.chat
    facts = facts_from_runs(spec, session.all_runs()[: session.RECENT])
    return facts.chat if facts else None


def side_by_side(questions: tuple[ProxyQuestion, ...]) -> None:
    st.header("One example, three questions")
    st.text(questions[0].stem)
    row = st.container(horizontal=True)
    for number, question in enumerate(questions, start=1):
        with row.container(border=True, width=PROXY_WIDTH):
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
            "This stands in the model's chat template, which is known once the model has been in memory: "
            "ask the model, and the exact text is shown.",
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
        answer(question, report)
    else:
        st.caption(f"Loads {plain(spec.title)} if it is not in memory; nothing is computed before.")


def downloads(shown: Shown) -> None:
    """All questions of the task in this wording, made when asked for."""
    st.header("All questions")
    count = f"{N_PROXIES[SHUFFLES] * len(shown.examples):,} questions of {len(shown.examples):,} examples"
    if len(shown.examples) > MOST:
        st.caption(f"{count}: more than the browser gets at once. Up to {MOST:,} examples can be downloaded.")
        return
    if shown.config.template == "chat" and shown.chat is None:
        st.caption(f"{count}. They can be downloaded once the model's chat template is known.")
        return
    with guard():
        check_wording(shown.task, shown.examples, shown.seed, shown.config)
        st.caption(f"{count}, with seed {shown.seed} and the wording above; the demonstration is none of them.")
        name = f"questions-{shown.task.name}-seed-{shown.seed}"
        with st.container(horizontal=True):
            for ending, mime, written in FORMATS:
                st.download_button(
                    ending.upper(),
                    lambda written=written: written(shown.all_questions()),
                    f"{name}.{ending}",
                    mime,
                    key=f"all_questions_{ending}",
                    on_click="ignore",
                    icon=":material/download:",
                )


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
task = reading_of(session.task_name()).task
known_baseline(task)
st.caption(f"Task {plain(task.name)}: {len(task.examples):,} examples. Another one can be chosen in the sidebar.")
shown = choose(task, wording_form(session.task_name(), task))
side_by_side(shown.as_message().questions())
st.header("What the model gets")
chosen = st.segmented_control(
    "Question",
    [1, 2, 3],
    default=1,
    required=True,
    key="proxy",
    label_visibility="collapsed",
    persist_state="session",
)
what_the_model_gets(shown, chosen - 1)
downloads(shown)
