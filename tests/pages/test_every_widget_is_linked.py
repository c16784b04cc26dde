"""Every view is a link: what a widget of a result is set to stands in the address, and the address sets it again."""

import re

import pytest

from neuron_core.cni.methods import METHODS
from neuron_core.control.interventions import RATIOS
from neuron_core.figures.parts import MEASURE_TITLES
from pages.shared.frame.linked import NOW
from pages.shared.views.changed_questions import FILTERS
from pages.shared.views.method_views import TABLES
from tests.pages.conftest import faults
from tests.pages.test_methods_page import all_methods, every

__all__ = ["all_methods", "every"]

KINDS = ("selectbox", "segmented_control", "select_slider", "multiselect", "toggle", "number_input")
# Not of the view: what the camera saves. Only ways to set another widget, which is linked: chips of K, list of neurons.
OTHERWISE = re.compile(r"\w+_image|layers_chip|strongest_of_run")
# How long and how bold a text is, and what is searched next: of something that is not made before a button is pressed.
NEXT = re.compile(r"playground_(tokens|temperature|seed)|context_examples_\d+")
FORMS = ("New run", "Evaluate again", "Edit the wording", "Import a neuron set")
VIEWS = [
    ("overview", {}),
    ("attribution", {}),
    ("layers", {}),
    ("layers", {"view": "tasks beside each other"}),
    ("neuron", {}),
    ("cross_task", {}),
    ("control", {}),
    ("question", {"ratios": "one for all"}),
    ("methods", {}),
    ("playground", {}),
    ("questions", {}),
]


def widgets(app):
    """Key → the widget, of the page's own, that can be set to something else."""
    forms = {one.key for box in app.expander if box.label in FORMS for kind in KINDS for one in box.get(kind)}
    found = {one.key: one for kind in KINDS for one in app.main.get(kind)}
    skipped = {key for key in found if key in forms or OTHERWISE.fullmatch(key) or NEXT.fullmatch(key)}
    return {key: one for key, one in found.items() if key not in skipped and others(one)}


def others(widget):
    """What the widget could be set to instead; empty where there is nothing."""
    if widget.type == "toggle":
        return [not widget.value]
    if widget.type == "number_input":
        near = (widget.value + 1, widget.value - 1)
        return [one for one in near if widget.min <= one and (widget.max is None or one <= widget.max)]
    if widget.type == "multiselect":
        return [widget.value[1:]] if len(widget.value) > 1 else []
    return [one for shown in widget.options if (one := option(widget, shown)) not in (None, widget.value)]


def option(widget, shown):
    """The option that a widget shows in these words."""
    for one in (*METHODS, *TABLES, *FILTERS, *MEASURE_TITLES, *range(30), *RATIOS, 0.0, 1.0, shown):
        try:
            if widget.format_func(one) == shown:
                return one
        except (KeyError, TypeError, ValueError):
            continue
    return None


def address_of(app):
    """What the browser has: what the server wrote, completed by what the view says."""
    written = {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}
    return {**written, **app.session_state[NOW]}


@pytest.mark.parametrize(
    ("page", "view"), VIEWS, ids=lambda one: one if isinstance(one, str) else "-".join(one.values())
)
def test_what_is_chosen_is_in_the_address(open_page, every, page, view):
    first = open_page(page, run=every.id, closed=True, **view)
    assert faults(first) == []
    for key in widgets(first):
        app = open_page(page, run=every.id, closed=True, **view)
        before = address_of(app)
        chosen = others(widgets(app)[key])[0]
        widgets(app)[key].set_value(chosen).run()
        assert faults(app) == [], key
        assert address_of(app) != before, f"{key} is not in the address"
        again = open_page(page, closed=True, **address_of(app))
        assert faults(again) == [], key
        # Options are texts; a value need not be one.
        assert chosen in (widgets(again)[key].value, str(widgets(again)[key].value)), key


def test_several_chosen_names_may_hold_commas(open_page, every):
    """As names of tasks do."""
    app = open_page("question", run=every.id, methods='ace,"no, such"')
    assert "no, such" in app.error[0].value.replace("\\", "")
    assert app.multiselect(key="question_sources").value == ["ace"]


def test_a_number_that_is_none_is_told_by_its_limits(open_page, every):
    app = open_page("layers", run=every.id, k="many")
    assert "1 to " in app.error[0].value
    assert len(app.error[0].value) < 300
