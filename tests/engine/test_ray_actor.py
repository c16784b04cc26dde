"""What runs inside an actor, without Ray around it: batches in any order give the numbers of one engine."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.ray_actor import EngineActor, Job, LoadedOn, Place, code_hash, of_examples, versions
from neuron_core.engine.ray_agreement import refuse_other_model
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import RunError
from neuron_core.models.chat import USUAL_DATE
from neuron_core.runs.config import AttributionConfig
from neuron_core.runs.questions import make_setting
from tests.run_helpers import tiny_config


@pytest.fixture
def config(task_file, checkpoint):
    return tiny_config(task_file, checkpoint("llama"))


@pytest.fixture
def engine(tiny_model):
    return Engine.of(tiny_model("llama"))


@pytest.fixture
def actor(engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda reference: reference))
    made = EngineActor()
    made._engine = engine
    return made


@pytest.fixture
def setting(config, engine):
    return make_setting(config, engine.facts(USUAL_DATE))


def test_batches_in_another_order_give_the_same_scores(actor, engine, config, setting):
    questions = setting.attribution
    passes = engine.passes(questions, config.attribution, None)
    job = Job("a", "attribution", questions, config.attribution)
    whole = dict(engine.attribute(questions, config.attribution, StagePart(passes=passes)))
    found = {}
    for examples in ([3], [0, 1], [2]):
        computed = actor.compute("a", [job], examples, passes)
        assert computed.passes == passes
        found |= dict(computed.units)
    assert found.keys() == whole.keys()
    for number, scores in whole.items():
        assert np.array_equal(found[number].ig, scores.ig)


def test_finished_questions_are_not_computed(actor, engine, config, setting):
    questions = setting.attribution
    passes = engine.passes(questions, config.attribution, None)
    job = Job("b", "attribution", questions, config.attribution, skip=frozenset({0, 3, 4, 5}))
    assert [number for number, _ in actor.compute("b", [job], [0, 2], passes).units] == [1, 2, 6, 7, 8]


def test_baselines_carry_the_numbers_of_their_questions(actor, engine, setting):
    job = Job("c", "baseline", setting.evaluation, None)
    whole = list(engine.baseline(setting.evaluation))
    passes = engine.passes(setting.evaluation, AttributionConfig(), None)
    found = dict(actor.compute("c", [job], [5], passes).units)
    found |= dict(actor.compute("c", [job], [1], passes).units)
    assert found.keys() == {15, 16, 17, 3, 4, 5}
    assert all(np.array_equal(values, whole[number]) for number, values in found.items())


def test_an_actor_without_a_model_says_so():
    with pytest.raises(RunError, match="no model"):
        EngineActor().facts(None)


def test_examples_are_the_neighbours_of_one_id(setting):
    assert of_examples(setting.attribution) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert of_examples(()) == []


def test_versions_name_the_program_python_and_the_libraries():
    assert set(versions()) == {"neuron_core", "Python", "torch", "transformers", "numpy", "safetensors"}
    assert versions()["neuron_core"] == code_hash()


def test_an_actor_in_tf32_does_not_join_actors_in_float32(engine):
    place = Place("10.0.0.2", "node", 1, {})
    first = LoadedOn(engine.facts(), "a card", "2.0", place)
    for facts, what in (
        (replace(first.facts, dtype="tf32"), "dtype: tf32 here, float32 on the first"),
        (replace(first.facts, fingerprint="0" * 16), "weights"),
    ):
        with pytest.raises(RunError, match=f"the actors differ in {what}"):
            refuse_other_model(first, replace(first, facts=facts), place)
    refuse_other_model(first, first, place)
