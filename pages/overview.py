"""One run on one screen: what was found, what it does, one question that it changes."""

import streamlit as st

from pages.shared.frame import session
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.cells import choose_cell
from pages.shared.views.figures import competence, empty_state, footing, recipes
from pages.shared.views.overview_parts import flipped_question, layers_strip, overview_effect, titled
from pages.shared.views.results import attribution_of, evaluated_of, evaluation_of, setting_of

through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run to look at yet.", session.START, session.ATTRIBUTION)
elif setting is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    evaluation, evaluated = evaluation_of(run), evaluated_of(run)
    titled(run, setting)
    competence(run)
    cell = None
    if evaluation is not None:
        # The figure stands above the choice of what it shows.
        top = st.container()
        with st.expander("What is shown", key="overview_choice", icon=":material/tune:"):
            cell = choose_cell(evaluation)
        with top:
            overview_effect(run, setting, evaluation, cell)
    else:
        empty_state("These neurons have not been tried on questions yet.", session.CONTROL)
    if found is not None:
        layers_strip(setting, found, cell)
    if cell is not None and evaluated is not None:
        flipped_question(run, cell, evaluated)
    recipes(run)
    footing(run, k=cell.row.k if cell else None, position=cell.row.position if cell else None)
