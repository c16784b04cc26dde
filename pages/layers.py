"""Where the good and the bad neurons sit."""

import streamlit as st

from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import follow_click, through_frame
from pages.shared.inputs.layer_choice import choose_k, choose_method, choose_neuron
from pages.shared.views.figures import competence, empty_state, footing, recipes
from pages.shared.views.layers_views import SCORES, TASKS, THIS, VIEWS, all_scores, tasks_view, this_run
from pages.shared.views.results import attribution_of, setting_of


def page(run: RunFolder, setting: Setting, found: Attribution) -> None:
    competence(run)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        method, found = choose_method(run, found)
        take_link("view", "layers_view", VIEWS)
        view = st.segmented_control("View", VIEWS, default=THIS, required=True, key="layers_view")
        keep_link("view", view)
    k, wanted = None, ""
    if view != SCORES:
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            k = choose_k(setting, found)
            if view == THIS:
                wanted = choose_neuron()
    if k is None:
        all_scores(found, method or next(iter(found.rankings), ""))
    elif view == TASKS:
        tasks_view(run, k, method)
    else:
        this_run(found, k, wanted, f"{session.shown_id()}-k{k}")
    recipes(run)
    footing(run, k=k)


through_frame()
follow_click()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run to look into yet.", session.START, session.ATTRIBUTION)
elif setting is None or found is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    page(run, setting, found)
