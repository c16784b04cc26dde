"""What the neurons do: enhancer and degrader over the evaluated grid, down to single questions."""

import streamlit as st

from neuron_core.control.metrics import Evaluation
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.guard import guard
from pages.shared.frame.navigation import through_frame
from pages.shared.frame.presentation import presenting
from pages.shared.inputs.cells import choose_cell
from pages.shared.inputs.evaluation_form import form
from pages.shared.views.changed_questions import flips
from pages.shared.views.control_result import details, effect
from pages.shared.views.figures import competence, empty_state, footing, recipes
from pages.shared.views.results import attribution_of, evaluation_of, setting_of


def page(run: RunFolder, setting: Setting, evaluation: Evaluation) -> None:
    competence(run)
    cell = choose_cell(evaluation)
    effect(run, setting, evaluation, cell)
    if not presenting():
        # The page Question has one of them for the wall.
        flips(run, cell.row)
    details(run, setting, evaluation, cell)
    recipes(run)
    if not session.is_demo(session.shown_id()):
        with st.expander("Evaluate again", key="again", icon=":material/replay:"), guard():
            st.markdown("Other budgets, examples or random sets. The evaluation above is replaced.")
            form(run, setting)
    footing(run, k=cell.row.k, position=cell.row.position)


through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
evaluation = evaluation_of(run) if run else None
if run is None:
    empty_state("There is no run to look into yet.", session.START, session.ATTRIBUTION)
elif setting is not None and evaluation is not None:
    page(run, setting, evaluation)
elif setting is None or attribution_of(run) is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    competence(run)
    if session.is_active(session.shown_id() or run.id):
        empty_state("The evaluation is on its way; its results appear here.")
    else:
        with st.container(border=True, key="empty"), guard():
            st.markdown(
                "An evaluation doubles and silences these neurons while the model answers questions that the "
                "attribution has not seen."
                + (" The last one stopped: change it here, or resume it above." if run.config().evaluation else "")
            )
            form(run, setting)
    footing(run)
