"""The options of a cluster: what is taken, what is refused and in which words."""

import pickle

import pytest

from neuron_core.engine import cluster_options as options_module
from neuron_core.engine.cluster_options import INSTALL, ClusterOptions, cluster_options
from neuron_core.errors import ConfigError, ModelError


@pytest.fixture
def with_ray(monkeypatch):
    monkeypatch.setattr(options_module, "has_ray", lambda: True)


def test_actors_are_a_number_or_a_range(with_ray):
    assert cluster_options("ray", "10.0.0.1:6379", "3") == ClusterOptions("10.0.0.1:6379", 3, 3)
    assert cluster_options("ray", "auto", "2:8", 0.5, 4) == ClusterOptions("auto", 2, 8, 0.5, 4)
    assert cluster_options("local") is None


@pytest.mark.parametrize("actors", ["0", "-1", "", "two", "3:", ":3", "4:2", "1:2:3", "1.5", "٣", "999999"])
def test_other_numbers_of_actors_are_refused(with_ray, actors):
    with pytest.raises(ConfigError, match="MIN:MAX"):
        cluster_options("ray", "auto", actors)


@pytest.mark.parametrize("address", ["", "here", "1.2.3.4", "http://1.2.3.4:5", "ray://h:1", "h:1234567"])
def test_other_addresses_are_refused(with_ray, address):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        cluster_options("ray", address)


@pytest.mark.parametrize("gpus", [-1, 1.5, 2, float("nan"), float("inf")])
def test_an_actor_has_one_gpu_at_most(with_ray, gpus):
    with pytest.raises(ConfigError, match="device_map auto"):
        cluster_options("ray", gpus=gpus)


@pytest.mark.parametrize("cpus", [0, -1, float("nan"), float("inf")])
def test_an_actor_has_cores(with_ray, cpus):
    with pytest.raises(ConfigError, match="more than 0"):
        cluster_options("ray", cpus=cpus)


def test_an_unknown_executor_and_options_without_a_cluster_are_refused():
    with pytest.raises(ConfigError, match="local, ray"):
        cluster_options("spark")
    with pytest.raises(ConfigError, match="executor ray"):
        cluster_options("local", actors="4")


def test_without_ray_the_line_that_installs_it_is_said(monkeypatch):
    monkeypatch.setattr(options_module, "has_ray", lambda: False)
    with pytest.raises(ConfigError) as raised:
        cluster_options("ray")
    assert INSTALL in str(raised.value)


def test_an_error_stays_what_it_is_between_processes():
    error = ModelError("no weights", where="here", accepted="a folder")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.where) == (ModelError, str(error), "here")
