"""All questions of a task in one wording, as files."""

import streamlit as st

from neuron_core.qatt.export import questions_csv, questions_jsonl
from neuron_core.qatt.prompt import check_wording
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES
from pages.shared.frame.guard import guard
from pages.shared.inputs.example_choice import Shown

MOST = 20_000
FORMATS = (("jsonl", "application/jsonl", questions_jsonl), ("csv", "text/csv", questions_csv))


def downloads(shown: Shown) -> None:
    """All questions of the task in this wording, made when asked for."""
    st.header("All questions")
    count = f"{N_PROXIES[SHUFFLES] * len(shown.examples):,} questions of {len(shown.examples):,} examples"
    if len(shown.examples) > MOST:
        st.caption(f"{count}: too many for one download, which holds at most {MOST:,} examples.")
        return
    if shown.config.template == "chat" and shown.chat is None:
        st.caption(f"{count}. They can be downloaded once the model's chat template is known.")
        return
    with guard():
        check_wording(shown.task, shown.examples, shown.seed, shown.config)
        st.caption(f"{count}, with seed {shown.seed} and the wording above; the demonstration is left out.")
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
