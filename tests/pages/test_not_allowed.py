"""A limited server: pages do not offer what a visitor may not do, and say why."""

import pytest

from neuron_core.runs.run_folder import RunStatus
from neuron_core.service.owner import OWNER
from pages.shared.frame import engine as engines
from tests.pages.conftest import faults, texts


@pytest.fixture(autouse=True)
def demo(monkeypatch):
    monkeypatch.setenv("NEURONLLM_DEMO_MODE", "1")


def begun_by(name, run):
    """From now on this session has begun the run."""
    token = OWNER.set(name)
    try:
        next(iter(engines._handles.values()))._owners.begin(run.id)
    finally:
        OWNER.reset(token)


def offered(app, key):
    """Whether a button can be pressed; if not, it says why."""
    button = next(one for one in [*app.button, *app.get("popover")] if getattr(one, "key", None) == key)
    assert not button.disabled or "This demo does not allow" in button.help
    return not button.disabled


def test_resume_is_offered_to_the_session_that_began_the_run_alone(open_page, full):
    full.write_status(RunStatus("interrupted"))
    app = open_page("layers", {"owner": "a visitor"}, run=full.id)
    assert faults(app) == []
    assert not offered(app, f"resume_{full.id}")
    begun_by("a visitor", full)
    assert offered(open_page("layers", {"owner": "a visitor"}, run=full.id), f"resume_{full.id}")
    assert not offered(open_page("layers", {"owner": "another"}, run=full.id), f"resume_{full.id}")


def test_an_evaluation_of_others_is_not_offered_again(open_page, full):
    app = open_page("control", {"owner": "a visitor"}, run=full.id)
    assert app.button(key="start_evaluation").disabled
    assert "This demo does not allow replacing the evaluation of a run that somebody else began" in texts(app)
    begun_by("a visitor", full)
    app = open_page("control", {"owner": "a visitor"}, run=full.id)
    assert not app.button(key="start_evaluation").disabled


def test_the_first_evaluation_of_a_run_that_is_done_is_offered_to_everybody(open_page, attributed):
    app = open_page("control", {"owner": "a visitor"}, run=attributed.id)
    assert not app.button(key="start_evaluation").disabled


def test_repair_is_not_offered_for_a_run_of_others(open_page, full):
    (full.path / "setting.json").write_text("{")
    app = open_page("runs", {"owner": "a visitor"}, run=full.id)
    assert not offered(app, f"repair_{full.id}")
    begun_by("a visitor", full)
    assert offered(open_page("runs", {"owner": "a visitor"}, run=full.id), f"repair_{full.id}")


def test_unloading_the_model_is_not_offered(open_page, full):
    app = open_page("start", {"owner": "a visitor"})
    assert not offered(app, "unload")


def test_nothing_is_switched_off_where_everything_is_allowed(open_page, full, monkeypatch):
    monkeypatch.delenv("NEURONLLM_DEMO_MODE")
    full.write_status(RunStatus("interrupted"))
    app = open_page("control", {"owner": "a visitor"}, run=full.id)
    assert not app.button(key=f"resume_{full.id}").disabled
    assert not app.button(key="start_evaluation").disabled
