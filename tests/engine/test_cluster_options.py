"""The options of a cluster: what is taken, what is refused and in which words."""

import pickle
from dataclasses import replace

import pytest

from neuron_core.engine import cluster_options as options_module
from neuron_core.engine.cluster_options import INSTALL, ClusterOptions, cluster_options
from neuron_core.engine.ray_members import spec_for_actors
from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.spec import ModelSpec


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


@pytest.mark.parametrize("gpus", [-1, 1.5, 65, float("nan"), float("inf")])
def test_an_actor_has_a_share_of_a_gpu_or_a_whole_number(with_ray, gpus):
    with pytest.raises(ConfigError, match=r"a share such as 0\.5, or a whole number up to 64"):
        cluster_options("ray", gpus=gpus)


def test_an_actor_of_several_gpus_spreads_its_layers_over_them():
    spec = ModelSpec("somewhere/model")
    assert spec_for_actors(spec, 2) == replace(spec, device_map="auto")
    assert spec_for_actors(spec, 0) == replace(spec, device="cpu")
    assert spec_for_actors(spec, 1) == spec_for_actors(spec, 0.5) == spec
    with pytest.raises(ModelError, match="an adapter can't be merged with device_map"):
        spec_for_actors(replace(spec, adapter="somewhere/adapter"), 2)


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
