"""Runs on a Ray cluster of two nodes: equal to local ones bit for bit, whatever ends in between."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import Cancelled, ModelError, NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import PACKAGE
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.store import Store
from tests.builders import LAYERS, classification_rows, write_jsonl
from tests.cluster.conftest import NODE
from tests.run_helpers import assert_equal_results, tiny_config, wait_until


@pytest.fixture(scope="module")
def config(task_file, checkpoint):
    """12 attribution and 60 evaluation questions."""
    evaluation = EvaluationConfig(examples=20, ks=(4, 6), random_seeds=1)
    return tiny_config(task_file, checkpoint("llama"), evaluation=evaluation)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, config, tiny_model, one_thread):
    """The run, made in this process."""
    run = Store(tmp_path_factory.mktemp("whole")).create(config)
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def new_run(tmp_path, config):
    """Makes a run of the same settings as `whole`."""
    return lambda: Store(tmp_path / "runs").create(config)


def carried(run, engines, **how):
    execute(run, lambda say: engines.engine(run.config().model, say), **how)


def pool_of(engines):
    return engines._held[1]._pool


def pids(engines):
    return sorted(place.pid for place, _ in pool_of(engines).members())


def actors():
    """Processes of actors on this machine, by the title that Ray gives them."""
    return [p.pid for p in psutil.process_iter(["cmdline"]) if "EngineActor" in " ".join(p.info["cmdline"] or ())]


class Once:
    """Does something once a run has gone so far."""

    def __init__(self, stage, done, what):
        self.stage, self.done, self.what, self.messages = stage, done, what, []

    def __call__(self, status):
        self.messages.append(status.message)
        if self.what and status.stage == self.stage and status.done >= self.done:
            what, self.what = self.what, None
            what()


def test_two_nodes_give_the_local_run_bit_for_bit_and_serve_the_next_run_too(new_run, engines, whole):
    run, seen = new_run(), Once("", 0, None)
    carried(run, engines, on_progress=seen)
    assert_equal_results(run, whole)
    assert any("2 nodes, 2 actors" in message for message in seen.messages)
    assert run.setting().model == whole.setting().model
    before, second = pids(engines), new_run()
    carried(second, engines)
    assert_equal_results(second, whole)
    assert pids(engines) == before


def test_an_actor_killed_in_mid_run_is_started_again_and_nothing_is_lost(new_run, engines, whole):
    run, killed = new_run(), []

    def kill():
        killed.append(pids(engines)[-1])
        os.kill(killed[-1], signal.SIGKILL)

    first, second = Once("attribution", 2, kill), Once("evaluation", 2, kill)
    carried(run, engines, on_progress=lambda status: (first(status), second(status)))
    assert len(killed) == 2
    assert_equal_results(run, whole)
    assert not set(killed) & set(pids(engines))


def test_actors_killed_between_two_runs_load_the_model_again_before_the_next_one(new_run, engines, whole):
    import ray

    # New actors: Ray starts each of them again three times.
    engines.close()
    carried(new_run(), engines)
    members = list(pool_of(engines)._members)
    before = pids(engines)
    for member in members:
        os.kill(member.place.pid, signal.SIGKILL)
    for member in members:
        # Ray has started it again, without a model, before the pool asks anything of it.
        wait_until(lambda member=member: is_new(ray, member), "an actor that is started again")
    run = new_run()
    carried(run, engines)
    assert_equal_results(run, whole)
    assert not set(before) & set(pids(engines))
    engines.close()


def is_new(ray, member):
    """Whether Ray has started the actor again."""
    try:
        return ray.get(member.handle.place.remote(), timeout=60).pid != member.place.pid
    except ray.exceptions.RayError:
        return False


def test_a_run_that_another_model_samples_for_is_the_local_one(tmp_path, config, checkpoint, tiny_model, engines):
    chooser = ModelSpec(str(checkpoint("gpt2")), device="cpu")
    config = replace(config, evaluation=replace(config.evaluation, sample="balanced", comprehended_by=chooser))
    local, run = Store(tmp_path / "local").create(config), Store(tmp_path / "ray").create(config)
    models = {chooser: "gpt2", config.model: "llama"}
    execute(
        local,
        lambda _: Engine.of(tiny_model("llama")),
        other_engine=lambda spec, _: Engine.of(tiny_model(models[spec])),
    )
    carried(run, engines, other_engine=engines.engine)
    assert run.sample() == local.sample()
    assert_equal_results(run, local)


def test_a_question_that_does_not_fit_ends_the_run_with_its_own_error(tmp_path, checkpoint, engines):
    rows = [{**row, "text": row["text"] + " on and on" * 700} for row in classification_rows(48)]
    task = write_jsonl(tmp_path / "long.jsonl", rows)
    run = Store(tmp_path / "runs").create(tiny_config(task, checkpoint("llama")))
    with pytest.raises(NeuronCoreError, match=r"question .* node 127\.0\.0\.1"):
        carried(run, engines)
    assert run.status().state == "failed"
    assert pids(engines), "the actors go on with the next run"


def test_a_node_without_the_model_is_named(tmp_path, engines):
    with pytest.raises(ModelError, match=r"no-such-model.*node 127\.0\.0\.1"):
        engines.engine(ModelSpec(str(tmp_path / "no-such-model")), lambda _: None)


def test_a_cancelled_run_goes_on_later_and_leaves_no_process(new_run, engines, tiny_model, whole):
    run = new_run()
    with pytest.raises(Cancelled):
        carried(run, engines, should_stop=lambda: len(run.evaluated()) >= 3)
    engines.close()
    wait_until(lambda: not actors(), "the actors' end")
    assert run.status().state == "cancelled"
    assert 3 <= len(run.evaluated()) < 60
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert_equal_results(run, whole)


def test_a_run_whose_driver_was_killed_ends_without_the_cluster(new_run, options, tiny_model, whole):
    run = new_run()
    where = ["--executor", "ray", "--address", options.address, "--actors", "2", "--gpus-per-actor", "0"]
    command = [sys.executable, "-m", "neuron_core", "resume", "--run", str(run.path), *where]
    driver = subprocess.Popen(command, cwd=PACKAGE.parent, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(run.evaluated()) >= 2 or driver.poll() is not None, "questions of the evaluation")
        assert driver.poll() is None, "the run was to be going on"
    finally:
        driver.kill()
        driver.wait()
    wait_until(lambda: not actors(), "the actors' end")
    assert run.status().state == "interrupted"
    assert len(run.evaluated()) < 60
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert_equal_results(run, whole)


def test_an_actor_of_two_gpus_gets_both_and_spreads_its_model_over_them(cluster, options, engines, checkpoint):
    """The GPUs are only declared to Ray, so the model is on the processor."""
    import ray

    from neuron_core.engine.ray_engine import RayEngines

    engines.close()
    cluster.add_node(**{**NODE, "num_gpus": 2})
    two = RayEngines(replace(options, least=1, most=1, gpus=2))
    try:
        engine = two.engine(ModelSpec(str(checkpoint("llama"))), lambda _: None)
        assert engine.facts().n_layers == LAYERS
        wait_until(lambda: ray.available_resources().get("GPU", 0) == 0, "both GPUs to be taken")
        with pytest.raises(ModelError, match=r"device_map is not for it.*node 127\.0\.0\.1"):
            two.engine(ModelSpec(), lambda _: None)
    finally:
        two.close()


def test_a_node_killed_in_mid_run_loses_nothing(new_run, cluster, engines, whole):
    run = new_run()
    node = cluster.workers.pop()
    gone = Once("attribution", 2, lambda: cluster.remove_node(node, allow_graceful=False))
    carried(run, engines, on_progress=gone)
    assert gone.what is None
    assert_equal_results(run, whole)
    assert len(pids(engines)) == 1
