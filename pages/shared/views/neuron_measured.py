"""What the model itself is asked about one neuron: on request, kept on disk, shown again after a reload."""

from typing import Any

import pandas as pd
import streamlit as st

from neuron_core.analysis.neuron import EffectSummary, effect_rows, summary
from neuron_core.control.findings import Context, NeuronContexts, NeuronEffect, NeuronTokens
from neuron_core.control.metrics import QuestionRow
from neuron_core.figures.neuron import effect_bars, token_bars, visible
from neuron_core.runs.neuron_findings import What, findings_folder, read_finding
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.jobs import NeuronJob
from pages.shared.frame.background_jobs import ask_for
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard
from pages.shared.views.figures import figure, table
from pages.shared.views.words import MINUS

MOST_EXAMPLES = 1000
HIGHEST, LOWEST = "highest value", "lowest value"
TOKEN_STYLE = "background-color: rgba(230, 159, 0, 0.35); font-weight: 600"


def tokens(run: RunFolder, layer: int, index: int) -> None:
    """The ends of the vocabulary under the write vector."""
    st.header("What it writes")
    found: NeuronTokens | None = _found(run, layer, index, "tokens")
    if found is None:
        note = "Its write vector through the final norm and the unembedding, over the whole vocabulary; takes a moment."
        ask_for(_job(run, layer, index, "tokens"), run.config().model, "Show its tokens", "ask_tokens", note)
        return
    promoted, suppressed = st.columns(2)
    with promoted:
        st.markdown("**Promoted** when the neuron's value is positive, suppressed when it is negative")
        figure(token_bars(found, "promoted"), "promoted", f"neuron-{layer}.{index}-promoted")
    with suppressed:
        st.markdown("**Suppressed** when the neuron's value is positive, promoted when it is negative")
        figure(token_bars(found, "suppressed"), "suppressed", f"neuron-{layer}.{index}-suppressed")
    st.caption(
        "The write vector, scaled to length one per dimension, through the model's own final norm and unembedding, as "
        "if the residual stream held nothing else; what norm and head add to any stream is taken off. The numbers rank "
        "tokens, they are no part of the model's logits. ␣ is a space, ⏎ a line end. "
        f"The write vector is {found.write_norm / found.layer_norm:.2f} times as long as the mean of its layer."
    )
    rows = [
        {"end": end, "rank": rank, "token id": one.token_id, "token": visible(one.token), "logit": one.value}
        for end, ones in (("promoted", found.promoted), ("suppressed", found.suppressed))
        for rank, one in enumerate(ones, start=1)
    ]
    with st.expander("As a table", key="tokens_as_table"):
        name = f"neuron-{layer}.{index}-tokens"
        table(pd.DataFrame(rows), "token_table", name, f"Tokens promoted and suppressed by neuron {layer}.{index}")


def effect(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron alone silenced and doubled, on every question of the run."""
    st.header("Silence it, double it")
    questions = setting.evaluation or setting.attribution
    found: NeuronEffect | None = _found(run, layer, index, "effect")
    if found is not None and found.question_ids != tuple(question.id for question in questions):
        # Another evaluation since: those questions are no longer the run's.
        found = None
    if found is None:
        kind = "evaluation" if setting.evaluation else "attribution"
        note = f"This neuron alone, at the last token, on the run's {len(questions)} {kind} questions."
        ask_for(_job(run, layer, index, "effect"), run.config().model, "Measure its effect", "ask_effect", note)
        return
    silenced, doubled = effect_rows(found)
    with st.container(horizontal=True, key="effect_cards"):
        for name, rows in (("Silenced (× 0)", silenced), ("Doubled (× 2)", doubled)):
            _effect_card(name, summary(rows))
    figure(effect_bars(silenced, doubled), "effect_bars", f"neuron-{layer}.{index}-effect", take_effect_click)
    opens = (
        " A click on a bar, or on the box before a line of its table, opens the question."
        if found.source == "evaluation"
        else ""
    )
    st.caption(
        f"Change of the correct letter's probability among the four, on {len(silenced)} {found.source} questions, "
        f"with this neuron alone changed at the last token. One neuron of many seldom moves an answer.{opens}"
    )
    with st.expander("As a table", key="effect_as_table"):
        name = f"neuron-{layer}.{index}-effect"
        table(
            _effect_table(silenced, doubled),
            "effect_table",
            name,
            "Each question silenced and doubled",
            height=280,
            on_select=lambda: take_effect_row(silenced),
            selection_mode="single-row",
        )


def _effect_card(name: str, found: EffectSummary) -> None:
    with st.container(border=True, width=320):
        st.metric(
            f"{name}: mean change of P(correct)",
            f"{100 * found.mean_change:+.3f} points".replace("-", MINUS),
            f"largest {100 * found.largest_change:+.2f}".replace("-", MINUS),
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


def contexts(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The token positions of the task's texts where the neuron's value is highest and lowest."""
    st.header("Where it fires in your data")
    found: NeuronContexts | None = _found(run, layer, index, "contexts")
    if found is not None:
        _context_table(found, layer, index)
    most = min(MOST_EXAMPLES, setting.n_examples)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        examples = st.number_input("Examples read", 1, most, most, key=f"context_examples_{most}", width=160)
    label = "Search again" if found else "Search your data"
    note = "Reads the text of each example, without role, demonstration and options, and looks at every token."
    job = _job(run, layer, index, "contexts", int(examples))
    ask_for(job, run.config().model, label, "ask_contexts", note, primary=found is None)


def _context_table(found: NeuronContexts, layer: int, index: int) -> None:
    end = st.segmented_control("Shown", [HIGHEST, LOWEST], default=HIGHEST, required=True, key="context_end")
    frame = _context_frame(found.highest if end == HIGHEST else found.lowest)
    style = frame.style.map(lambda _: TOKEN_STYLE, subset=["token"])
    column = st.column_config
    table(
        frame,
        "contexts",
        f"neuron-{layer}.{index}-contexts",
        f"The {len(frame)} positions with the {end} of neuron {layer}.{index}, the token between its neighbours",
        shown=style,
        column_config={
            "value": column.NumberColumn(format="%.3f", width=80),
            "before": column.TextColumn(alignment="right", width="large"),
            "token": column.TextColumn(alignment="center", width="small"),
            "after": column.TextColumn(width="medium"),
            "example": column.TextColumn(width="small"),
            "position": column.NumberColumn(width=80),
        },
    )
    st.caption(
        f"{found.n_positions:,} different positions of {found.n_texts:,} texts; a beginning that texts share counts "
        f"once. Mean value {found.mean:.3f}, above 0 at {found.share_positive:.0%} of them. ⏎ is a line end."
    )


def _context_frame(contexts: tuple[Context, ...]) -> pd.DataFrame:
    rows = [
        {
            "value": one.value,
            "before": _one_line(one.before, last=True),
            "token": visible(one.token),
            "after": _one_line(one.after, last=False),
            "example": one.example_id,
            "position": one.position,
        }
        for one in contexts
    ]
    return pd.DataFrame(rows, columns=["value", "before", "token", "after", "example", "position"])


def _one_line(text: str, *, last: bool, length: int = 56) -> str:
    """The end or the beginning of a text, its line ends to be seen."""
    flat = text.replace("\n", "⏎")
    if len(flat) <= length:
        return flat
    return f"…{flat[-length:]}" if last else f"{flat[:length]}…"


def _job(run: RunFolder, layer: int, index: int, what: What, examples: int = MOST_EXAMPLES) -> NeuronJob:
    folder = findings_folder(engine().store, run)
    return NeuronJob(what, str(run.path.resolve()), str(folder.resolve()), layer, index, examples)


def _found(run: RunFolder, layer: int, index: int, what: What) -> Any:
    """What is on disk; a damaged file is said, and may be asked for anew."""
    with guard():
        return read_finding(findings_folder(engine().store, run), layer, index, what)
    return None
