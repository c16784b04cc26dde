"""What saved runs say about one neuron: no model is needed."""

from contextlib import suppress
from pathlib import Path

import pandas as pd
import streamlit as st

from neuron_core.analysis.neuron import QuestionScore, Standing, standing
from neuron_core.control.findings import NeuronTokens
from neuron_core.errors import NeuronCoreError
from neuron_core.figures.neuron import score_bars, visible
from neuron_core.figures.theme import counted
from neuron_core.runs.neuron_findings import findings_folder, question_scores, read_finding, standings
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.task import LETTERS
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.views.comparisons import MOST_RUNS, run_name
from pages.shared.views.figures import CARD_WIDTH, figure, table
from pages.shared.views.results import setting_of
from pages.shared.views.tables import SCORE
from pages.shared.views.words import MINUS, options_text, source_title


def standing_cards(found: Attribution, setting: Setting, layer: int, index: int) -> None:
    """Role, rank and score in the run's own ranking."""
    method = next(iter(found.rankings), "")
    one = standing(found.ranking, method, layer, index)
    cards: list[tuple[str, str, str]] = [
        ("Role", one.role or "none", "score 0: not in the ranking" if one.role is None else _among(one, setting.k)),
        ("Score", f"{one.score:.3g}".replace("-", MINUS, 1), source_title(method)),
    ]
    if one.rank is not None:
        cards.insert(1, ("Rank", f"{one.rank}", f"of {one.n_role} {one.role} ones"))
    with st.container(horizontal=True, key="neuron_cards"):
        for name, value, more in cards:
            st.metric(name, value, more, delta_color="off", delta_arrow="off", border=True, width=CARD_WIDTH)
    if one.role is None:
        st.caption(
            "It is among the top or bottom z of no attribution example, or among the top of one and the bottom of "
            "another, which makes it ambiguous."
        )


def story(run: RunFolder, setting: Setting, found: Attribution, layer: int, index: int) -> None:
    """In a sentence or two: its role, how many questions it speaks for, and what it writes, where that is known."""
    method = next(iter(found.rankings), "")
    one = standing(found.ranking, method, layer, index)
    if one.role is None:
        said = "This neuron is neither good nor bad in this run."
    else:
        said = f"This is number {one.rank} of {one.n_role:,} {one.role} neurons."
    scores = _question_scores(str(run.path), _stamp(run, "scores/*"), layer, index)
    own = [score for score in scores if score.target == scores[0].target]
    if own:
        n_for = sum(score.ig > 0 for score in own)
        said += f" It speaks for the correct answer in {n_for} of {counted(len(own), 'attribution question')}."
    # A damaged file is said where its tokens stand.
    with suppress(NeuronCoreError):
        tokens: NeuronTokens | None = read_finding(findings_folder(engine().store, run), layer, index, "tokens")
        if tokens is not None and tokens.promoted:
            names = ", ".join(f"“{visible(token.token)}”" for token in tokens.promoted[:4])
            said += f" When it is active it makes {names} more likely."
    st.markdown(plain(said))


def _among(one: Standing, k: int) -> str:
    return f"within K = {k}" if one.rank is not None and one.rank <= k else f"beyond K = {k}"


def standing_table(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron in every ranking of every run with this model."""
    rows = []
    for other in session.all_runs(MOST_RUNS):
        with guard():
            known = setting_of(other)
            if known is None or known.model.fingerprint != setting.model.fingerprint:
                continue
            for one in _standings(str(other.path), _stamp(other, "rankings/*"), layer, index):
                rows.append(
                    {
                        "task": known.task_name,
                        "method": one.method,
                        "role": one.role or "none",
                        "rank": one.rank,
                        "of": one.n_role if one.role else None,
                        "score": one.score,
                        "run": run_name(other),
                        "shown": "this run" if other.path == run.path else "",
                    }
                )
    columns = ["task", "method", "role", "rank", "of", "score", "run", "shown"]
    table(
        pd.DataFrame(rows, columns=columns),
        "standings",
        f"neuron-{layer}.{index}-tasks",
        f"Role, rank and score of neuron {layer}.{index} in every run of this model",
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )
    st.caption(
        "All runs with this model, newest first. Role none: the score is 0. Scores of different methods have "
        "different units; compare their ranks."
    )


def choose_question(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron's attribution in every question of the run, and the question that was clicked."""
    scores = _question_scores(str(run.path), _stamp(run, "scores/*"), layer, index)
    if not scores:
        st.info("This run has not kept the scores of its single questions.")
        return
    targets = list(dict.fromkeys(score.target for score in scores))
    target = targets[0]
    if len(targets) > 1:
        target = st.segmented_control("Target", targets, default=target, required=True, key="neuron_target")
    shown = [score for score in scores if score.target == target]
    figure(score_bars(shown), "score_bars", f"neuron-{layer}.{index}-questions", take_score_click)
    st.caption(
        "Integrated gradients of the correct letter in each attribution question: blue bars speak for it, hatched "
        "orange ones against it. A click on a bar shows the question below."
    )
    table(
        pd.DataFrame([vars(score) for score in shown]),
        "question_scores",
        f"neuron-{layer}.{index}-questions",
        f"Attribution and value of neuron {layer}.{index} in {len(shown)} questions",
        height=180,
        column_config={
            "ig": st.column_config.NumberColumn("IG", format=SCORE),
            "value": st.column_config.NumberColumn("value at the last token", format="%.4f"),
        },
    )
    wanted = st.session_state.get("neuron_question")
    question = next((one for one in setting.attribution if one.id == wanted), None)
    if question is not None:
        with st.container(border=True, key="neuron_question_shown"):
            st.markdown(f"Question `{question.id}`, correct: **{LETTERS[question.target]}**")
            st.text(question.stem)
            st.text(options_text(question))


def take_score_click() -> None:
    """Callback of the bars; a double click lets go."""
    points = st.session_state["score_bars"].selection.points
    st.session_state["neuron_question"] = points[0]["customdata"]["question"] if points else None


def _stamp(run: RunFolder, pattern: str) -> tuple[tuple[str, int], ...]:
    """When the files that match were written."""
    return tuple((path.name, path.stat().st_mtime_ns) for path in sorted(run.path.glob(pattern)))


@st.cache_data(show_spinner=False, max_entries=512)
def _standings(path: str, stamp: object, layer: int, index: int) -> tuple[Standing, ...]:
    return standings(RunFolder(Path(path)), layer, index)


@st.cache_data(show_spinner=False, max_entries=64)
def _question_scores(path: str, stamp: object, layer: int, index: int) -> tuple[QuestionScore, ...]:
    return question_scores(RunFolder(Path(path)), layer, index)
