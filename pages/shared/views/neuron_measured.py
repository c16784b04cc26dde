"""What the model itself is asked about one neuron: on request, kept on disk, shown again after a reload."""

import pandas as pd
import streamlit as st

from neuron_core.analysis.neuron import EffectSummary, effect_rows, summary
from neuron_core.control.findings import NeuronEffect, NeuronTokens
from neuron_core.control.metrics import QuestionRow
from neuron_core.figures.neuron import visible
from neuron_core.figures.theme import significant
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame.background_jobs import ask_for
from pages.shared.frame.folds import unfolded
from pages.shared.frame.presentation import pixels
from pages.shared.views.drawn import effect_bars, token_bars
from pages.shared.views.figures import figure, table
from pages.shared.views.neuron_findings import found_of, job_of
from pages.shared.views.tables import SCORE

SHOWN = 10
"tokens of either end in the figures; the table has all of them"
ENDS = "Where the neuron's value is positive. A negative value turns its write vector round."


def tokens(run: RunFolder, layer: int, index: int) -> None:
    """The ends of the vocabulary under the write vector."""
    found: NeuronTokens | None = found_of(run, layer, index, "tokens")
    if found is None:
        st.header("What it writes")
        note = "Its write vector through the final norm and the unembedding, over the whole vocabulary; takes a moment."
        ask_for(job_of(run, layer, index, "tokens"), run.config().model, "Show its tokens", "ask_tokens", note)
        return
    promoted, suppressed = st.columns(2, gap="medium")
    with promoted:
        st.header("It promotes", help=ENDS, anchor=False)
        figure(token_bars(found, "promoted", SHOWN), "promoted", f"neuron-{layer}.{index}-promoted")
    with suppressed:
        st.header("It suppresses", help=ENDS, anchor=False)
        figure(token_bars(found, "suppressed", SHOWN), "suppressed", f"neuron-{layer}.{index}-suppressed")
    rows = [
        {"end": end, "rank": rank, "token id": one.token_id, "token": visible(one.token), "logit": one.value}
        for end, ones in (("promoted", found.promoted), ("suppressed", found.suppressed))
        for rank, one in enumerate(ones, start=1)
    ]
    if fold := unfolded("As a table, and how it was read", "tokens_as_table"):
        with fold:
            st.markdown(
                "The write vector, scaled to length one per dimension, goes through the model's own final norm and "
                "unembedding as if the residual stream held nothing else. What norm and head add to any stream is "
                "taken off. The numbers rank tokens; they are no part of the model's logits. ␣ is a space, ⏎ a line "
                f"end. The write vector is {significant(found.write_norm / found.layer_norm)} times as long as the "
                "mean of its layer."
            )
            name = f"neuron-{layer}.{index}-tokens"
            table(
                pd.DataFrame(rows),
                "token_table",
                name,
                f"Tokens promoted and suppressed by neuron {layer}.{index}",
                height=280,
                column_config={"logit": st.column_config.NumberColumn(format=SCORE)},
            )


def effect(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron alone silenced and doubled, on every question of the run."""
    st.header("Silence it, double it")
    questions = setting.evaluation or setting.attribution
    found: NeuronEffect | None = found_of(run, layer, index, "effect")
    if found is not None and found.question_ids != tuple(question.id for question in questions):
        # Another evaluation since: those questions are no longer the run's.
        found = None
    if found is None:
        kind = "evaluation" if setting.evaluation else "attribution"
        note = f"This neuron alone, at the last token, on the run's {len(questions)} {kind} questions."
        ask_for(job_of(run, layer, index, "effect"), run.config().model, "Measure its effect", "ask_effect", note)
        return
    silenced, doubled = effect_rows(found)
    with st.container(horizontal=True, key="effect_cards"):
        for name, rows in (("Silenced (× 0)", silenced), ("Doubled (× 2)", doubled)):
            _effect_card(name, summary(rows))
    figure(effect_bars(silenced, doubled), "effect_bars", f"neuron-{layer}.{index}-effect", take_effect_click)
    opens = " Click a bar, or tick a row of its table, to open the question." if found.source == "evaluation" else ""
    st.caption(
        f"Change of the correct letter's probability among the four, on {len(silenced)} {found.source} questions, "
        f"with this neuron alone changed at the last token. One neuron of many seldom moves an answer.{opens}"
    )
    if fold := unfolded("As a table", "effect_as_table"):
        with fold:
            name = f"neuron-{layer}.{index}-effect"
            table(
                _effect_table(silenced, doubled),
                "effect_table",
                name,
                "Each question silenced and doubled",
                height=280,
                opens={"question": open_question} if found.source == "evaluation" else None,
                on_select=lambda: take_effect_row(silenced),
                selection_mode="single-row",
            )


def _effect_card(name: str, found: EffectSummary) -> None:
    with st.container(border=True, width=pixels(320)):
        st.metric(
            f"{name}: mean change of P(correct)",
            f"{significant(100 * found.mean_change, sign=True)} points",
            f"largest {significant(100 * found.largest_change, sign=True)}",
            delta_color="off",
            delta_arrow="off",
        )
        st.caption(
            f"Accuracy {found.accuracy_before:.1%} → {found.accuracy_after:.1%}. Of {found.n_questions} answers "
            f"{found.gained} gained, {found.lost} lost, {found.changed} changed from one wrong letter to another."
        )


def _effect_table(silenced: tuple[QuestionRow, ...], doubled: tuple[QuestionRow, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "question": none.question_id,
                "correct": none.correct_letter,
                "P(correct)": none.p_correct_before,
                "P(correct) silenced": none.p_correct_after,
                "P(correct) doubled": two.p_correct_after,
                "answer": none.baseline_letter,
                "answer silenced": none.new_letter,
                "answer doubled": two.new_letter,
                "flip silenced": none.flip,
                "flip doubled": two.flip,
            }
            for none, two in zip(silenced, doubled, strict=True)
        ]
    )


def open_question(name: str) -> None:
    """Of a click on a question's id: the page opens the question on its next run."""
    st.session_state["question_to_open"] = name


def take_effect_click() -> None:
    """Callback of the bars: the page opens the question on its next run."""
    points = st.session_state["effect_bars"].selection.points
    if points:
        st.session_state["question_to_open"] = points[0]["customdata"]["question"]


def take_effect_row(rows: tuple[QuestionRow, ...]) -> None:
    """Callback of the table, as of the bars."""
    chosen = st.session_state["effect_table"].selection.rows
    if chosen:
        st.session_state["question_to_open"] = rows[chosen[0]].question_id
