"""A real Ray cluster of two nodes on this machine, every one at 127.0.0.1."""

import os

import pytest

from neuron_core.engine.cluster_options import ClusterOptions, prepare_ray
from tests.run_fixtures import *  # noqa: F403

NODE = {
    "num_cpus": 1,
    "num_gpus": 0,
    "object_store_memory": 80_000_000,
    "node_ip_address": "127.0.0.1",
    "include_dashboard": False,
}


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with room for one actor each; a third one, the head, has none."""
    prepare_ray("127.0.0.1:0")
    # By default, actors get the processor only when nothing else wants it.
    os.environ.setdefault("RAY_worker_niceness", "0")
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    # A dead node is noticed after some seconds instead of half a minute, and a slow one on a busy machine is not dead.
    quick = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 4}
    made = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "_system_config": quick})
    try:
        made.workers = [made.add_node(**NODE) for _ in range(2)]
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture(scope="module")
def options(cluster):
    """Two actors, one on each node."""
    return ClusterOptions(address=cluster.address, least=2, most=2, gpus=0)


@pytest.fixture(scope="module")
def engines(options):
    """What all runs of a file share."""
    from neuron_core.engine.ray_engine import RayEngines

    made = RayEngines(options)
    try:
        yield made
    finally:
        made.close()
