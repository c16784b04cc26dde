"""Seed and example of the Questions page, and the questions that they give."""

from dataclasses import dataclass, replace

import streamlit as st

from neuron_core.estimates.estimate import facts_from_runs
from neuron_core.models.chat import ChatTemplate
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.prompt import check_wording
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.tasks.task import Example, Task
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.inputs.wording import use_wording

# As many as a field takes.
SEEDS = range(2**53)


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


def step(by: int, last: int) -> None:
    """Callback of previous and next."""
    st.session_state["example"] = min(max(st.session_state["example"] + by, 1), last)


def choose(task: Task, config: PromptConfig) -> Shown:
    """Seed and example; gives the example with its three questions."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    take_link("seed", "question_seed", SEEDS)
    seed = int(row.number_input("Seed", 0, value=0, key="question_seed", persist_state="session", width=140))
    keep_link("seed", seed)
    check_wording(task, (), seed, config)
    demonstration = draw(task, 0, 0, seed, config.demonstration).demonstration
    examples = tuple(example for example in task.examples if example != demonstration)
    last = len(examples)
    take_link("example", "example", range(1, last + 1))
    with row:
        number = int(
            st.number_input(f"Example (1 to {last})", 1, last, key="example", persist_state="session", width=180)
        )
        st.button("Previous", key="previous", on_click=step, args=(-1, last), disabled=number == 1)
        st.button("Next", key="next", on_click=step, args=(1, last), disabled=number == last)
        keep_link("example", number)
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
    loaded = engine().model(spec)
    if loaded is not None:
        return loaded.chat
    facts = facts_from_runs(spec, session.all_runs(session.RECENT))
    return facts.chat if facts else None
