"""The choice of where a run is computed, and what a run on a cluster says while it goes."""

import pytest

from neuron_core.engine import cluster_options
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.runs.run_folder import RunStatus
from neuron_core.service.handle import EngineHandle
from pages.shared.inputs import executor as form
from pages.shared.views import cluster as view


@pytest.fixture
def with_ray(monkeypatch):
    for module in (cluster_options, form):
        monkeypatch.setattr(module, "has_ray", lambda: True)


@pytest.fixture
def submitted(monkeypatch):
    """What was queued, with where; nothing is computed."""
    found = []
    monkeypatch.setattr(EngineHandle, "submit", lambda self, config, cluster=None: found.append(cluster) or "none")
    return found


def test_a_run_is_computed_here_unless_the_cluster_is_chosen(open_page, with_ray, submitted):
    page = open_page("attribution")
    assert not page.exception
    page.button(key="start").click().run()
    assert submitted == [None]


def test_the_form_names_a_cluster(open_page, with_ray, submitted):
    page = open_page("attribution")
    page.selectbox(key="executor").set_value(form.RAY).run()
    page.text_input(key="ray_address").set_value(" 10.0.0.1:6379 ").run()
    page.text_input(key="ray_actors").set_value("2:8").run()
    page.button(key="start").click().run()
    assert submitted == [ClusterOptions("10.0.0.1:6379", 2, 8)]


def test_a_wrong_number_of_actors_is_said_and_nothing_starts(open_page, with_ray, submitted):
    page = open_page("attribution")
    page.selectbox(key="executor").set_value(form.RAY).run()
    page.text_input(key="ray_actors").set_value("many").run()
    assert any("MIN" in box.value for box in page.error)
    assert page.button(key="start").disabled
    assert submitted == []


def test_without_ray_there_is_no_choice(open_page, monkeypatch):
    monkeypatch.setattr(form, "has_ray", lambda: False)
    assert "executor" not in [box.key for box in open_page("attribution").selectbox]


def test_a_demo_offers_no_cluster(open_page, with_ray, monkeypatch):
    monkeypatch.setenv("NEURONLLM_DEMO_MODE", "1")
    assert "executor" not in [box.key for box in open_page("attribution").selectbox]


def test_only_a_run_on_a_cluster_has_its_line(monkeypatch):
    said = []
    monkeypatch.setattr(view.st, "caption", said.append)
    for message in ("", "side effects of the best ratios", "Ray: 2 nodes, 2 actors, 5 batches waiting"):
        view.cluster_line(RunStatus(total=9, message=message))
    assert len(said) == 1
    assert "2 nodes, 2 actors" in said[0]
