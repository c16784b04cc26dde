"""Starts a run; shows the neurons it found and how far the attribution can be trusted."""

import streamlit as st

from neuron_core.cni.methods import METHODS
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.guard import guard
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import follow_click, through_frame
from pages.shared.inputs.run_form import form
from pages.shared.inputs.tasks import is_own
from pages.shared.views.attribution_result import good_and_bad, how_computed, strip
from pages.shared.views.figures import competence, empty_state, footing, recipes
from pages.shared.views.results import attribution_of, evaluation_of, setting_of


def choose_method(found: Attribution) -> str:
    """The run's first method, or another of its methods where it has several."""
    names = list(found.rankings)
    if len(names) == 1:
        return names[0]
    take_link("method", "method_shown", names)
    chosen = st.segmented_control(
        "Method",
        names,
        default=names[0],
        required=True,
        key="method_shown",
        format_func=lambda name: METHODS[name].title,
        help=" ".join(f"**{METHODS[name].title}**: {METHODS[name].description}" for name in names),
    )
    keep_link("method", chosen)
    return str(chosen)


def result(run: RunFolder, setting: Setting, found: Attribution) -> None:
    competence(run)
    name = choose_method(found)
    strip(setting, found, name)
    good_and_bad(setting, found, name)
    if st.button(
        "Evaluate these neurons" if evaluation_of(run) is None else "See their evaluation",
        key="evaluate",
        type="primary",
        icon=":material/tune:",
    ):
        st.switch_page(session.CONTROL, query_params={"run": session.shown_id() or ""})
    how_computed(run, setting, found, name)
    recipes(run)
    footing(run)


through_frame()
follow_click()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
# Who brought a task of their own wants a run of it, not the one that is shown.
own_waits = run is not None and is_own(st.session_state.get("task")) and run.config().task != st.session_state["task"]
opened = run is None or own_waits
with (
    st.container(key="new_run"),
    # Another key for another run: the browser keeps an expander of the same key as open as it was.
    st.expander("New run", expanded=opened, key=f"new_run_{session.shown_id()}_{opened}", icon=":material/add:"),
    guard(),
):
    form()
if run is None:
    empty_state("Nothing has been attributed yet. Start a run above, or run the demo.", session.START)
elif setting is None or found is None:
    goes_on = session.is_active(session.shown_id() or run.id)
    empty_state(
        "The neurons of this run appear here when its attribution is finished."
        + ("" if goes_on else " It does not go on by itself: resume it above, or start another run.")
    )
else:
    result(run, setting, found)
