"""What saved runs say about one neuron: no model is needed."""

from functools import lru_cache
from pathlib import Path

import pandas as pd
import streamlit as st

from neuron_core.analysis.neuron import QuestionScore, Standing, standing
from neuron_core.analysis.neuron_story import fires_on, headline, moves, standing_said, writes
from neuron_core.cni.methods import score_unit, source_title
from neuron_core.figures.theme import significant
from neuron_core.models.fingerprint import same_model
from neuron_core.models.local_files import file_state
from neuron_core.runs.neuron_findings import question_scores, standings
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.task import LETTERS
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.presentation import pixels
from pages.shared.views.comparisons import MOST_RUNS, run_name
from pages.shared.views.drawn import score_bars
from pages.shared.views.figures import CARD_WIDTH, figure, table
from pages.shared.views.neuron_findings import finding_or_none
from pages.shared.views.results import setting_of
from pages.shared.views.tables import SCORE, run_columns
from pages.shared.views.words import options_text

MOST_QUESTIONS = 500
"attribution questions of a run whose scores are read and drawn for a neuron, the first ones"


def standing_cards(found: Attribution, setting: Setting, layer: int, index: int) -> None:
    """Role, rank and score in the run's own ranking."""
    method = next(iter(found.rankings), "")
    one = standing(found.ranking, method, layer, index)
    cards: list[tuple[str, str, str]] = [
        ("Role", one.role or "none", "score 0: not in the ranking" if one.role is None else _among(one, setting.k)),
        ("Score", significant(one.score), source_title(method)),
    ]
    if one.rank is not None:
        cards.insert(1, ("Rank", f"{one.rank:,}", f"of {one.n_role:,} {one.role} ones"))
    with st.container(horizontal=True, key="neuron_cards"):
        for name, value, more in cards:
            st.metric(name, value, more, delta_color="off", delta_arrow="off", border=True, width=pixels(CARD_WIDTH))
    if one.role is None:
        st.caption(
            "It is among the top or bottom z of no attribution example, or among the top of one and the bottom of "
            "another, which makes it ambiguous."
        )


def story(run: RunFolder, setting: Setting, found: Attribution, layer: int, index: int) -> None:
    """In a few sentences, from what is on disk: its role, what it writes, what it moves, where it fires."""
    one = standing(found.ranking, next(iter(found.rankings), ""), layer, index)
    scores = _question_scores(str(run.path), _stamp(run, "scores.units"), layer, index)
    own = [score for score in scores if score.target == scores[0].target]
    said: list[str | None] = [standing_said(one, own, len(setting.attribution))]
    tokens, effect, contexts = (finding_or_none(run, layer, index, what) for what in ("tokens", "effect", "contexts"))
    if tokens is not None:
        said.append(writes(tokens, effect.values if effect else [score.value for score in own]))
    if effect is not None:
        said.append(moves(effect))
    if contexts is not None:
        said.append(fires_on(contexts))
    with st.container(key="story"):
        if tokens is not None and (short := headline(tokens, effect.values if effect else (), contexts)):
            st.markdown(f"**{plain(short)}**")
        st.markdown(plain(" ".join(filter(None, said))))


def _among(one: Standing, k: int) -> str:
    return f"within K = {k}" if one.rank is not None and one.rank <= k else f"beyond K = {k}"


def standing_table(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron in every ranking of every run with this model."""
    rows = []
    for other in session.all_runs(MOST_RUNS):
        with guard():
            known = setting_of(other)
            if known is None or not same_model(known.model.fingerprint, setting.model.fingerprint):
                continue
            name = run_name(other)
            title = session.title_of(other, name)
            for one in _standings(str(other.path), _stamp(other, "rankings/*"), layer, index):
                rows.append(
                    {
                        "task": known.task_name,
                        "method": one.method,
                        "role": one.role or "none",
                        "rank": one.rank,
                        "of": one.n_role if one.role else None,
                        "score": one.score,
                        "run": title,
                        "shown": "this run" if other.path == run.path else "",
                        "id": name,
                    }
                )
    # The shown run first, the others newest first.
    rows.sort(key=lambda row: not row["shown"])
    whole = st.column_config.NumberColumn(format="localized")
    columns = ["run", "task", "method", "role", "rank", "of", "score", "shown", "id"]
    frame = pd.DataFrame(rows, columns=columns)
    table(
        frame,
        "standings",
        f"neuron-{layer}.{index}-tasks",
        f"Role, rank and score of neuron {layer}.{index} in every run of this model",
        column_config={"score": st.column_config.NumberColumn(format=SCORE), "rank": whole, "of": whole},
        column_order=run_columns(frame),
    )
    st.caption(
        "All runs with this model. Role none: the score is 0. Scores of different methods have "
        "different units; compare their ranks."
    )


def choose_question(run: RunFolder, setting: Setting, layer: int, index: int) -> None:
    """The neuron's attribution in the run's questions, the first ones where they are many, and the question that was
    clicked.
    """
    scores = _question_scores(str(run.path), _stamp(run, "scores.units"), layer, index)
    st.header("Its score in each attribution question")
    if not scores:
        st.caption("This run has not kept the scores of its single questions.")
        return
    targets = list(dict.fromkeys(score.target for score in scores))
    target = targets[0]
    if len(targets) > 1:
        take_link("target", "neuron_target", targets)
        target = st.segmented_control(
            "Target", targets, default=target, required=True, key="neuron_target", format_func=source_title
        )
        keep_link("target", target)
    shown = [score for score in scores if score.target == target]
    figure(
        score_bars(shown, score_unit(target)),
        "score_bars",
        f"neuron-{layer}.{index}-questions",
        take_score_click,
    )
    n_all = len(setting.attribution)
    which = "each attribution question" if len(shown) == n_all else f"the first {len(shown)} of {n_all:,} questions"
    st.caption(
        f"Integrated gradients of the correct letter in {which}. Blue: the neuron raises it; hatched "
        "orange: the neuron lowers it. Click a bar to see its question below."
    )
    table(
        pd.DataFrame([vars(score) for score in shown]),
        "question_scores",
        f"neuron-{layer}.{index}-questions",
        f"Attribution and value of neuron {layer}.{index} in {len(shown)} questions",
        height=180,
        opens={"question_id": show_question},
        column_config={
            "ig": st.column_config.NumberColumn("IG", format=SCORE),
            "value": st.column_config.NumberColumn("value at the last token", format=SCORE),
        },
    )
    ids = [score.question_id for score in shown]
    take_link("question", "neuron_question", ids)
    wanted = st.session_state.get("neuron_question")
    question = setting.attribution[ids.index(wanted)] if wanted in ids else None
    if question is not None:
        keep_link("question", question.id)
        with st.container(border=True, key="neuron_question_shown"):
            st.markdown(f"Question `{question.id}`, correct: **{LETTERS[question.target]}**")
            st.text(question.stem)
            st.text(options_text(question))


def show_question(name: str | None) -> None:
    """Of a click on a question's id: it is shown below."""
    st.session_state["neuron_question"] = name


def take_score_click() -> None:
    """Callback of the bars; a double click lets go."""
    points = st.session_state["score_bars"].selection.points
    st.session_state["neuron_question"] = points[0]["customdata"]["question"] if points else None


def _stamp(run: RunFolder, pattern: str) -> tuple[object, ...]:
    """The state of the files that match."""
    return tuple((path.name, file_state(path)) for path in sorted(run.path.glob(pattern)))


# Asked for of hundreds of runs on one page: not a cache of Streamlit, which takes a millisecond to find an entry.
@lru_cache(2048)
def _standings(path: str, stamp: object, layer: int, index: int) -> tuple[Standing, ...]:
    return standings(RunFolder(Path(path)), layer, index)


@st.cache_data(show_spinner=False, max_entries=64)
def _question_scores(path: str, stamp: object, layer: int, index: int) -> tuple[QuestionScore, ...]:
    return question_scores(_opened(path, stamp), layer, index, MOST_QUESTIONS)


@st.cache_resource(show_spinner=False, max_entries=4)
def _opened(path: str, stamp: object) -> RunFolder:
    """A run whose scores were found in their file: to find those of 100,000 questions takes seconds."""
    run = RunFolder(Path(path))
    run.scored()
    return run
