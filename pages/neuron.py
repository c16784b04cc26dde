"""One neuron: where it stands, what it writes, what it does alone, where it fires."""

import streamlit as st

from neuron_core.analysis.layers import neuron_rows
from neuron_core.analysis.neuron import parse_neuron
from neuron_core.errors import ConfigError
from neuron_core.paths import APP_FOLDER
from neuron_core.reports.recipes.neuron import neuron_python
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import error_box
from pages.shared.frame.navigation import through_frame
from pages.shared.views.comparisons import run_name
from pages.shared.views.figures import competence, empty_state, footing, recipes, table
from pages.shared.views.neuron_contexts import contexts
from pages.shared.views.neuron_measured import effect, tokens
from pages.shared.views.neuron_saved import choose_question, standing_cards, standing_table, story
from pages.shared.views.results import attribution_of, setting_of
from pages.shared.views.tables import SCORE, neuron_table

SHOWN = 10
# Of the address: the neuron that a question was opened from.
FROM = "from"


def choose_neuron(setting: Setting, found: Attribution) -> tuple[int, int] | None:
    """The neuron of the address or of the field, or the strongest where none is named; None for none of this model."""
    facts = setting.model
    came_from = st.query_params.get(FROM)
    if "open_neuron" in st.session_state:
        # From a click on another page; the field writes it into the address.
        st.session_state["neuron"] = st.session_state.pop("open_neuron")
    elif came_from:
        st.session_state["neuron"] = came_from
    strongest = neuron_rows(found.ranking.cut(SHOWN))
    with st.container(horizontal=True, vertical_alignment="bottom", key="choose_neuron"):
        wanted = st.text_input(
            "Go to neuron (layer.index)",
            key="neuron",
            # Writing into the address would add a page to the browser's history, which Back could never pass.
            bind=None if came_from else "query-params",
            on_change=lambda: look_at(st.session_state["neuron"]),
            placeholder=f"layer.index, 0.0 to {facts.n_layers - 1}.{facts.n_neurons - 1}",
            width=250,
        )
        name = str(wanted or "").strip() or (strongest[0].id if strongest else "")
        neighbours(found, setting, name)
    st.session_state["neuron_in_view"] = str(wanted or "")
    if not name:
        return None
    try:
        return parse_neuron(name, facts.n_layers, facts.n_neurons)
    except ConfigError as error:
        error_box(error.what, error.where, error.accepted)
        return None


def look_at(neuron: str) -> None:
    """Callback: another neuron than the one that a question was opened from, which leaves the address."""
    st.query_params.pop(FROM, None)
    st.session_state["neuron"] = neuron


def pick_one(setting: Setting, found: Attribution) -> None:
    """The strongest neurons of the run, to be clicked."""
    rows = neuron_rows(found.ranking.cut(min(SHOWN, setting.k)))

    def take() -> None:
        chosen = st.session_state["strongest"].selection.rows
        if chosen:
            look_at(rows[chosen[0]].id)

    table(
        neuron_table(rows),
        "strongest",
        f"strongest-{session.shown_id()}",
        f"The {len(rows)} strongest good and bad neurons",
        opens={"id": look_at},
        on_select=take,
        selection_mode="single-row",
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )
    st.caption("Click an id to open the neuron.")


def neighbours(found: Attribution, setting: Setting, neuron: str) -> None:
    """Any of the strongest neurons, and previous and next in the order of the run's good and bad ones."""
    rows = neuron_rows(found.ranking.cut(max(setting.k, 100)))
    order = [row.id for row in rows]
    if not order:
        return
    titles = {row.id: f"{row.role} {row.rank}: {row.id}" for row in rows if row.rank <= SHOWN}
    options = list(titles) if neuron in titles else [neuron, *titles]

    def choose() -> None:
        look_at(st.session_state["strongest_of_run"])

    st.session_state["strongest_of_run"] = neuron
    st.selectbox(
        "Strongest neurons of this run",
        options,
        key="strongest_of_run",
        format_func=lambda name: titles.get(name, name),
        on_change=choose,
        width=230,
    )
    if neuron not in order:
        return
    place = order.index(neuron)

    def go(to: int) -> None:
        look_at(order[to % len(order)])

    st.button("Previous by rank", key="previous_neuron", on_click=go, args=(place - 1,), shortcut="K")
    st.button("Next by rank", key="next_neuron", on_click=go, args=(place + 1,), shortcut="J")


def page(run: RunFolder, setting: Setting, found: Attribution, layer: int, index: int) -> None:
    neuron = f"{layer}.{index}"
    competence(run)
    st.header(f"Neuron {neuron} in layer {layer}")
    story(run, setting, found, layer, index)
    tokens(run, layer, index)
    effect(run, setting, layer, index)
    contexts(run, setting, layer, index)
    choose_question(run, setting, layer, index)
    st.header("In every ranking of this model")
    standing_cards(found, setting, layer, index)
    standing_table(run, setting, layer, index)
    if fold := unfolded(f"Copy neuron {neuron} as Python", "neuron_python", ":material/code:"):
        with fold:
            where = str(run.path.relative_to(APP_FOLDER)) if session.is_demo(run_name(run)) else run.id
            st.code(neuron_python(run.config(), where, layer, index), language="python", wrap_lines=True)
    recipes(run)
    footing(run)


through_frame()
if "question_to_open" in st.session_state:
    # Asked for by a click on a chart: a callback can't leave the page.
    neuron = st.session_state.get("neuron_in_view", "")
    st.session_state["left_neuron"] = session.shown_id(), neuron
    # This page too gets that address before the browser leaves it, and Back leads to it: it has to name the neuron.
    address = {"run": session.shown_id() or "", "q": st.session_state.pop("question_to_open"), FROM: neuron}
    st.switch_page(session.QUESTION, query_params=address)
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run whose neurons could be looked at yet.", session.START, session.ATTRIBUTION)
elif setting is None or found is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    chosen = choose_neuron(setting, found)
    if chosen is not None:
        page(run, setting, found, *chosen)
    if chosen is None or not str(st.session_state["neuron_in_view"]).strip():
        with st.expander("The strongest neurons of this run", expanded=chosen is None, key="strongest_neurons"):
            pick_one(setting, found)
