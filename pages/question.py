"""One question before and under every method: Figure 10 for any question of a run."""

import pandas as pd
import streamlit as st

from neuron_core.analysis.answers import PARTS, Answer, alone, answers, chosen_ratios
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.control.results import Evaluation
from neuron_core.figures.question import answer_bars
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.results import Evaluated
from neuron_core.runs.store import RunFolder
from neuron_core.tasks.task import LETTERS
from pages.shared.frame import session
from pages.shared.frame.guard import error_box, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.views.figures import PROXY_WIDTH, competence, empty_state, figure, provenance, recipes, table
from pages.shared.views.results import evaluated_of, evaluation_of
from pages.shared.views.words import options_text, source_title

BEST, ONE = "each one's best", "one for all"


def choose_question(evaluated: Evaluated) -> int:
    """The question of the address, with its neighbours a key away. Its number among the evaluated ones."""
    ids = list(evaluated.probabilities.question_ids)
    wanted = st.query_params.get("q")
    if wanted is not None and wanted not in ids:
        error_box(f"This run has no question {wanted}", "the address, ?q=", f"for instance {ids[0]}")
    number = ids.index(wanted) if wanted in ids else 0

    def go(to: int) -> None:
        st.query_params["q"] = ids[to % len(ids)]

    def take() -> None:
        st.query_params["q"] = st.session_state["question"]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        # It follows the address, which the buttons write.
        st.session_state["question"] = ids[number]
        st.selectbox(f"Question ({number + 1} of {len(ids)})", ids, key="question", on_change=take, width=320)
        alone = len(ids) == 1
        st.button("Previous", key="previous_question", on_click=go, args=(number - 1,), disabled=alone, shortcut="K")
        st.button("Next", key="next_question", on_click=go, args=(number + 1,), disabled=alone, shortcut="J")
    return number


def choose_interventions(evaluation: Evaluation) -> tuple[int, dict, str | None]:
    """Budget, the ratio of every source and direction that is shown, and whose parts are shown alone."""
    with st.container(horizontal=True, gap="medium"):
        ks = sorted({row.k for row in evaluation.grid})
        k = st.selectbox("Budget K", ks, len(ks) - 1, key="control_k", persist_state="session", width=150)
        how = st.segmented_control(
            "Ratio", [BEST, ONE], default=BEST, required=True, key="question_ratio_mode", persist_state="session"
        )
        ratio = None
        ratios = sorted({row.ratio for row in evaluation.grid})
        if how == ONE and len(ratios) > 1:
            ratio = st.select_slider(
                "Share of good neurons",
                ratios,
                0.5 if 0.5 in ratios else ratios[0],
                key="question_ratio",
                format_func=lambda value: f"{value:g}",
                persist_state="session",
                width=260,
            )
        whose = two_sided(evaluation, k)
        parts = whose is not None and st.toggle(
            "Good and bad alone",
            key="question_parts",
            persist_state="session",
            help=f"Also the good neurons of {plain(source_title(whose))} without the bad ones, and the reverse.",
        )
    found = chosen_ratios(evaluation, k, ratio)
    sources = list(dict.fromkeys(source for source, _ in found))
    if len(sources) > 3:
        shown = st.multiselect(
            "Methods", sources, default=first_of(sources), format_func=source_title, key="question_sources"
        )
        found = {key: value for key, value in found.items() if key[0] in shown}
    return k, found, whose if parts and any(source == whose for source, _ in found) else None


def two_sided(evaluation: Evaluation, k: int) -> str | None:
    """The first source that was tried with its good neurons alone and with its bad ones alone."""
    for source in dict.fromkeys(row.source for row in evaluation.grid):
        if set(PARTS.values()) <= {row.ratio for row in evaluation.grid if (row.k, row.source) == (k, source)}:
            return source
    return None


def first_of(sources: list[str]) -> list[str]:
    """Three methods and the random sets beside them."""
    random = [source for source in sources if source.startswith("random")]
    return [*[source for source in sources if source not in random][:3], *random[:1]]


def answer_table(found: tuple[Answer, ...], question: ProxyQuestion) -> pd.DataFrame:
    """One line an answer, with its cross entropy and what became of it."""
    before = found[0].cross_entropy
    rows = []
    for one in found:
        rows.append(
            {
                "neurons": source_title(one.source) if one.source else "unmodified",
                "direction": one.direction or "",
                "ratio": one.ratio,
                **{f"P({letter})": one.probabilities[place] for place, letter in enumerate(LETTERS)},
                "answer": LETTERS[one.letter],
                "right": "yes" if one.correct else "no",
                "cross entropy (nats)": one.cross_entropy,
                "change (nats)": one.cross_entropy - before,
                "sets": one.n_sets,
            }
        )
    return pd.DataFrame(rows)


def proxies(evaluated: Evaluated, number: int, k: int, ratios: dict) -> None:
    """The example's other orders of the same options, each with its answers."""
    st.subheader("The three proxies of this example")
    example = evaluated.questions[number].example_id
    places = [place for place, question in enumerate(evaluated.questions) if question.example_id == example]
    row = st.container(horizontal=True)
    for place in places:
        question = evaluated.questions[place]
        found = answers(evaluated.probabilities, evaluated.plan, place, k, ratios)
        with row.container(border=True, width=PROXY_WIDTH):
            here = " :blue-badge[above]" if place == number else ""
            st.markdown(f"**Question {question.id.rpartition('#')[2]}**, correct: **{LETTERS[question.target]}**{here}")
            st.text(options_text(question))
            for one in found:
                who = f"{source_title(one.source)}, {one.direction}" if one.source else "Unmodified"
                sign = ":material/check:" if one.correct else ":material/close:"
                st.markdown(
                    f"{sign} {who}: **{LETTERS[one.letter]}** "
                    f"(correct one at {one.probabilities[question.target]:.0%}, {one.cross_entropy:.2f} nats)"
                )


def back_to_neuron(run: RunFolder) -> None:
    """The way back for who came from a neuron of this run."""
    run_id, neuron = st.session_state.get("left_neuron", (None, ""))
    if not neuron or run_id != session.shown_id():
        return
    if st.button(f"Back to neuron {neuron}", key="back_to_neuron", icon=":material/arrow_back:", type="tertiary"):
        st.session_state["open_neuron"] = neuron
        st.switch_page(session.NEURON, query_params={"run": session.shown_id() or run.id})


def page(run: RunFolder, evaluation: Evaluation, evaluated: Evaluated) -> None:
    back_to_neuron(run)
    competence(run)
    number = choose_question(evaluated)
    k, ratios, whose = choose_interventions(evaluation)
    question = evaluated.questions[number]
    found = answers(evaluated.probabilities, evaluated.plan, number, k, ratios)
    if whose is not None:
        p, plan = evaluated.probabilities, evaluated.plan
        parts = [one for d in DIRECTIONS for one in alone(p, plan, number, k, whose, d)]
        # Beside the whole they are parts of, random sets last.
        found = tuple(sorted([*found, *parts], key=lambda one: one.source.startswith("random")))
    st.text(question.stem)
    name = f"question-{question.id.replace('#', '-')}-k{k}"
    labels = [f"{option.letter}. {option.text}" for option in question.options]
    titles = {one.source: source_title(one.source) for one in found if one.source}
    figure(answer_bars(found, question.target, labels, titles), "answer_bars", name)
    st.caption(
        "A best ratio is chosen on all questions of this evaluation, this one among them: optimistic. Random sets have "
        "the ratio of the first method; their bars are means with the range over sets."
    )
    percent = st.column_config.NumberColumn(format="percent")
    nats = st.column_config.NumberColumn(format="%.3g")
    table(
        answer_table(found, question),
        "answers",
        name,
        f"Answers to question {question.id} with their probabilities and cross entropies",
        column_config={
            "neurons": st.column_config.Column(width=200),
            **{f"P({letter})": percent for letter in LETTERS},
            "cross entropy (nats)": nats,
            "change (nats)": nats,
        },
    )
    provenance(run, k=k, position=evaluation.grid[0].position)
    proxies(evaluated, number, k, ratios)
    provenance(run, k=k, position=evaluation.grid[0].position)
    recipes(run)


through_frame()
run = session.shown_run()
evaluation = evaluation_of(run) if run else None
evaluated = evaluated_of(run) if run else None
if run is None:
    empty_state("There is no run with questions to look at yet.", session.START, session.ATTRIBUTION)
elif evaluation is None or evaluated is None:
    competence(run)
    empty_state("The neurons of this run have not been tried on questions yet.", session.CONTROL)
else:
    page(run, evaluation, evaluated)
