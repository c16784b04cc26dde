"""The wording of the next run's prompts: one for each task, for as long as the session lasts."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from neuron_core.qatt.config import BY_SEED, NONE, USUAL, PromptConfig
from neuron_core.qatt.prompt import RULE
from neuron_core.qatt.stems import stem_fields, stem_template
from neuron_core.tasks.task import LETTERS, Task
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.frame.once import summary_of

WORDINGS = "wordings"
DISTRACTOR_LABELS = {
    "kind": "by task kind",
    "column": "from the row",
    "file": "other answers",
}
TEMPLATE_LABELS = {"plain": "plain text", "chat": "chat template"}
NAMES = tuple(field.name for field in fields(PromptConfig))


def wording_of(task_name: str) -> PromptConfig:
    """What the next run of this task takes."""
    known: Mapping[str, PromptConfig] = st.session_state.get(WORDINGS, {})
    return known.get(task_name, USUAL)


def use_wording(task_name: str, task: Task, config: PromptConfig) -> None:
    """Callback: makes a wording the one of the next run, in its widgets too."""
    st.session_state.setdefault(WORDINGS, {})[task_name] = config
    for name, value in _shown(task, config).items():
        st.session_state[key_of(name, task_name)] = value


def key_of(name: str, task_name: str) -> str:
    """Key of the widget of a setting: each task has its own."""
    return f"wording_{name}@{task_name}"


def wording_form(task_name: str, task: Task) -> PromptConfig:
    """The settings of a prompt in an expander; gives what they say."""
    for name, value in _shown(task, wording_of(task_name)).items():
        st.session_state.setdefault(key_of(name, task_name), value)
    with st.expander("Edit the wording", key="wording", icon=":material/edit:"):
        config = _settings(task_name, task)
        st.session_state.setdefault(WORDINGS, {})[task_name] = config
        _buttons(task_name, task, config)
    return config


def _settings(task_name: str, task: Task) -> PromptConfig:
    def kept(name: str) -> dict[str, Any]:
        return {"key": key_of(name, task_name), "persist_state": "session"}

    role = st.text_input("Role", **kept("role"), help="The first line of a prompt. Empty: left out.")
    rule = st.text_area("Rule", **kept("rule"), height=68, help="How to answer. Empty: left out.")
    columns = ", ".join(f"`{{{field}}}`" for field in stem_fields(task))
    stem = st.text_area(
        "Stem",
        **kept("stem"),
        height=110,
        help=f"What follows “Question:”. Columns of the example: {columns}. Write {{{{ for a brace.",
    )
    chosen = st.session_state[key_of("demonstration", task_name)]
    row = st.columns(4)
    demonstration = row[0].selectbox(
        "Demonstration",
        list(dict.fromkeys([BY_SEED, NONE, chosen])),
        **kept("demonstration"),
        format_func=lambda value: {BY_SEED: "drawn by seed", NONE: "none"}.get(value, f"example {value}"),
        help="The solved example in front. A button below makes the example shown there the demonstration.",
    )
    letter = row[1].selectbox(
        "Its letter",
        [BY_SEED, *LETTERS],
        **kept("letter"),
        format_func=lambda value: "by seed" if value == BY_SEED else value,
        disabled=demonstration == NONE,
        help="Where the demonstration's correct option stands.",
    )
    distractors = row[2].selectbox(
        "Wrong options",
        list(DISTRACTOR_LABELS),
        **kept("distractors"),
        format_func=DISTRACTOR_LABELS.__getitem__,
        help="By task kind: the row's own `distractors` where it has some, else as the kind makes them. From the row: "
        "its own or an error. Other answers: right answers of other examples of the file.",
    )
    template = row[3].selectbox(
        "Template",
        list(TEMPLATE_LABELS),
        **kept("template"),
        format_func=TEMPLATE_LABELS.__getitem__,
        help="Chat: the prompt is a user's message, and the answer's letter comes first in the model's turn.",
    )
    return PromptConfig(
        role=None if role == task.wording.role else role,
        rule=None if rule == RULE else rule,
        stem=None if stem == stem_template(task) else stem,
        demonstration=demonstration,
        letter=None if letter == BY_SEED else letter,
        distractors=distractors,
        template=template,
    )


def _buttons(task_name: str, task: Task, config: PromptConfig) -> None:
    run = session.shown_run()
    # A damaged run has no wording to offer; this page works without it.
    theirs = run.config() if run and not summary_of(run).damage else None
    with st.container(horizontal=True):
        st.button(
            "Reset",
            key="reset_wording",
            on_click=use_wording,
            args=(task_name, task, USUAL),
            disabled=config == USUAL,
            icon=":material/restart_alt:",
        )
        if theirs is not None and theirs.task == task_name and theirs.prompt != config:
            st.button(
                "Use the wording of the run shown",
                key="wording_of_run",
                on_click=use_wording,
                args=(task_name, task, theirs.prompt),
                icon=":material/history:",
            )
    st.caption(
        plain(f"For the next run of {task.name} in this session. A run keeps its wording; its command carries it.")
    )


def _shown(task: Task, config: PromptConfig) -> dict[str, Any]:
    """What the widgets show: the usual texts in full."""
    values = {name: getattr(config, name) for name in NAMES}
    usual = {"role": task.wording.role, "rule": RULE, "stem": stem_template(task), "letter": BY_SEED}
    return values | {name: text for name, text in usual.items() if values[name] is None}
