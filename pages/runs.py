"""All runs: history, two beside each other, name, export, delete."""

import streamlit as st

from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.engine import engine, why_not
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.frame.once import summary_of
from pages.shared.inputs.neuron_sets import import_set
from pages.shared.inputs.renaming import rename
from pages.shared.inputs.tasks import allowed
from pages.shared.views.comparisons import run_name
from pages.shared.views.figures import empty_state, recipes
from pages.shared.views.run_export import export
from pages.shared.views.run_history import history
from pages.shared.views.two_runs import two_runs


def one_run(run: RunFolder) -> None:
    """Name, show, export and delete one run. Its buttons are its own: a click on what another run's page showed does
    nothing to this one.
    """
    name = run_name(run)
    damage = summary_of(run).damage
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(plain(session.run_title(name)), anchor=False, width="content", help=f"Run {name}")
        if not (damage or session.is_demo(name)) and allowed().may("rename"):
            rename(run, "Rename", key="rename")
    if damage:
        _damaged(run, name, damage)
        return
    with st.container(horizontal=True):
        is_shown = name == session.shown_id()
        if st.button("Show on every page", icon=":material/visibility:", key=f"show_run_{name}", disabled=is_shown):
            session.show(name)
            st.rerun()
        _delete(run, name)
    export(run, name)
    recipes(run)


def _damaged(run: RunFolder, name: str, damage: str) -> None:
    """What is wrong with a run, and the two ways on."""
    error_box("This run is damaged", None, "Repair sets the file aside; Resume then computes it again", f"{damage}.")
    with st.container(horizontal=True):
        if not session.is_demo(name):
            no = why_not("resume", run)
            if st.button("Repair", icon=":material/build:", key=f"repair_{name}", disabled=no is not None, help=no):
                with guard():
                    engine().repair(run.id)
                    st.rerun()
        _delete(run, name)


def _delete(run: RunFolder, name: str) -> None:
    """A popover that asks; not for the demo, nor while the run is worked on, nor where it is not allowed."""
    why = why_not("delete", run)
    if session.is_demo(name):
        why = "The demo came with the app."
    elif why is None and not summary_of(run).damage and session.is_active(name):
        why = "Cancel it first: it is being worked on."
    with st.popover("Delete", icon=":material/delete:", disabled=why is not None, help=why, key=f"delete_{name}"):
        st.markdown("Its folder is removed with everything in it. This can't be undone.")
        if st.button("Delete this run", type="primary", key=f"confirm_delete_{name}"):
            with guard():
                engine().delete(run.id)
                if session.shown_id() == run.id:
                    session.forget()
                st.rerun()


through_frame()
runs = session.listed_runs()
if not runs:
    empty_state("There is no run yet.", session.START, session.ATTRIBUTION)
else:
    chosen = history(runs)
    st.caption("Tick one run to open it, two to compare them.")
    if len(chosen) == 2 and not any(summary_of(run).damage for run in chosen):
        two_runs(*chosen)
    elif chosen:
        one_run(chosen[0])
    elif (shown := session.shown_run()) is not None:
        one_run(shown)
if allowed().may("upload"):
    import_set(session.all_runs())
