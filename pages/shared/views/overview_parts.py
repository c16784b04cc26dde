"""The parts of the Overview, each a link into its page."""

import streamlit as st

from neuron_core.analysis.layers import layer_counts
from neuron_core.control.metrics import Evaluation, question_rows
from neuron_core.runs.results import Attribution, Cell, Evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.views.control_result import verdict
from pages.shared.views.drawn import effect_split, layer_heatmap, option_bars
from pages.shared.views.figures import figure
from pages.shared.views.questions_strip import largest_change
from pages.shared.views.words import options_text, short_title


def titled(run: RunFolder, setting: Setting) -> None:
    """What the run is about, in words."""
    st.header(plain(f"Neurons of {short_title(setting.model.title)} for {session.task_title(run)}"), anchor=False)


def overview_effect(run: RunFolder, setting: Setting, evaluation: Evaluation, cell: Cell) -> None:
    """The verdict, and what the effect is made of beside random sets."""
    verdict(run, setting, cell, evaluation)
    row = cell.row
    figure(effect_split(row, cell.random, evaluation.baseline), "overview_effect", f"effect-{session.shown_id()}")
    address = {
        "run": session.shown_id() or "",
        "k": str(row.k),
        "direction": row.direction,
        "ratio": f"{row.ratio:g}",
    }
    st.page_link(session.CONTROL, label="Every ratio and budget", icon=":material/tune:", query_params=address)


def layers_strip(setting: Setting, found: Attribution, cell: Cell | None) -> None:
    """Good and bad neurons over the layers."""
    k = cell.row.k if cell else setting.k
    counts = layer_counts(found.ranking.cut(k), found.ranking.n_layers)
    st.header(f"Where they are: the {k} strongest good and the {k} strongest bad neurons, by layer", anchor=False)
    figure(layer_heatmap(counts, k), "overview_layers", f"layers-{session.shown_id()}-k{k}")
    address = {"run": session.shown_id() or ""}
    st.page_link(session.LAYERS, label="Every layer and neuron", icon=":material/layers:", query_params=address)


def flipped_question(run: RunFolder, cell: Cell, evaluated: Evaluated) -> None:
    """The question whose correct letter changes most, before and under the intervention."""
    row = cell.row
    place = evaluated.column(row.k, row.ratio, row.direction, row.source)
    changed = question_rows(evaluated.probabilities, evaluated.plan, place)
    number = largest_change(changed, row.direction)
    question, values = evaluated.questions[number], evaluated.probabilities.values[number]
    st.header("One question that changes", anchor=False)
    words, bars = st.columns([0.4, 0.6], gap="medium")
    with words:
        st.text(question.stem)
        st.text(options_text(question))
        address = {"run": session.shown_id() or run.id, "q": question.id}
        st.page_link(
            session.QUESTION,
            label="This question under every method",
            icon=":material/help_center:",
            query_params=address,
        )
    with bars:
        labels = [f"{option.letter}. {option.text}" for option in question.options]
        drawn = option_bars(values[0].tolist(), values[1 + place].tolist(), question.target, labels)
        figure(drawn, "overview_question", f"question-{question.id.replace('#', '-')}")
