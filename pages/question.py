"""One question before and under every method: Figure 10 for any question of a run."""

import streamlit as st

from neuron_core.analysis.answers import alone, answers
from neuron_core.analysis.content import option_content
from neuron_core.cni.methods import source_title
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.control.metrics import question_rows
from neuron_core.control.results import Evaluation
from neuron_core.figures.question import OPTION_WIDTH
from neuron_core.runs.results import Evaluated
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.answers import choose_interventions
from pages.shared.inputs.question_choice import choose_direction, choose_question, take_mark
from pages.shared.views.drawn import answer_bars, content_bars, question_strip
from pages.shared.views.figures import competence, empty_state, figure, footing, recipes
from pages.shared.views.question_details import details
from pages.shared.views.questions_strip import largest_change
from pages.shared.views.results import evaluated_of, evaluation_of
from pages.shared.views.words import options_text


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
    with st.container(horizontal=True, gap="medium", key="question_choice"):
        direction = choose_direction()
        k, ratios, whose = choose_interventions(evaluation)
    source, ratio = next(((s, r) for (s, d), r in ratios.items() if d == direction), (None, None))
    if source is None or ratio is None:
        st.info("Choose at least one method.")
        return
    p, plan = evaluated.probabilities, evaluated.plan
    first = next(one.source for one in plan if one.source == source or one.source.startswith(f"{source}-"))
    place = evaluated.column(k, ratio, direction, first)
    rows = question_rows(p, plan, place)
    number = choose_question(evaluated, largest_change(rows, direction))
    if number is None:
        return
    question = evaluated.questions[number]
    name = f"question-{question.id.replace('#', '-')}-k{k}"
    figure(question_strip(rows, direction, number), "question_strip", f"questions-k{k}-{direction}", take_mark)
    st.text(question.stem)
    if max(len(option.text) for option in question.options) > OPTION_WIDTH:
        # The bars name only their beginnings.
        st.text(options_text(question))
    found = answers(p, plan, number, k, ratios)
    if whose is not None:
        parts = [one for d in DIRECTIONS for one in alone(p, plan, number, k, whose, d)]
        # Beside the whole they are parts of, random sets last.
        found = tuple(sorted([*found, *parts], key=lambda one: one.source.startswith("random")))
    labels = [f"{option.letter}. {option.text}" for option in question.options]
    titles = {one.source: source_title(one.source) for one in found if one.source}
    letters, contents = st.columns([0.56, 0.44], gap="medium")
    with letters:
        st.markdown("**By letter**: this question as it was asked")
        figure(answer_bars(found, question.target, labels, titles), "answer_bars", name)
    content = option_content(p, evaluated.questions, number, place)
    if content is not None:
        with contents:
            st.markdown(f"**By content**: the same options, averaged over letters. {source_title(source)}, {direction}")
            figure(content_bars(content), "content_bars", f"{name}-content")
    details(evaluated, number, k, ratios, found, name)
    recipes(run)
    footing(run, k=k, position=evaluation.grid[0].position)


through_frame()
run = session.shown_run()
evaluation = evaluation_of(run) if run else None
evaluated = evaluated_of(run) if run else None
if run is None:
    empty_state("There is no run with questions to look at yet.", session.START, session.ATTRIBUTION)
elif evaluation is None or evaluated is None:
    competence(run)
    empty_state("The neurons of this run have not been tried on questions yet.", session.CONTROL)
    footing(run)
else:
    page(run, evaluation, evaluated)
