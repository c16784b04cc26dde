"""A run's chunk plan: chosen once, kept, made smaller when memory does not suffice."""

import numpy as np
import pytest
import torch

from neuron_core.cni.passes import Passes
from neuron_core.engine import engine as module
from neuron_core.engine import side_effects
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import ModelError, RunError
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.questions import make_setting
from neuron_core.runs.store import Store
from tests.run_helpers import tiny_config

NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried 1 byte"),
    MemoryError(),
]


@pytest.fixture
def engine(tiny_model):
    return Engine.of(tiny_model("llama"))


@pytest.fixture
def config(task_file, checkpoint):
    return tiny_config(task_file, checkpoint("llama"))


@pytest.fixture
def questions(engine, config):
    return make_setting(config, engine.facts()).attribution


def out_of_memory_above(monkeypatch, name, argument, most, error):
    """`engine.name` fails where its keyword is larger than `most`; the sizes tried are noted."""
    whole, tried = getattr(module, name), []

    def limited(*args, **kwargs):
        size = args[2] if argument is None else kwargs[argument]
        tried.append(size)
        if size > most:
            raise error
        return whole(*args, **kwargs)

    monkeypatch.setattr(module, name, limited)
    return tried


@pytest.mark.parametrize("error", NO_MEMORY, ids=["cuda", "processor", "python"])
def test_out_of_memory_repeats_the_question_in_smaller_passes_and_goes_on_with_them(
    engine, questions, monkeypatch, error
):
    settings = AttributionConfig(steps=4, layers_per_pass=4)
    whole = dict(engine.attribute(questions[:2], settings))
    tried = out_of_memory_above(monkeypatch, "attribute_batch", "layers_per_pass", 1, error)
    told = []
    found = dict(engine.attribute(questions[:2], settings, StagePart(on_smaller=told.append)))
    assert tried == [4, 2, 1, 1]
    assert [passes.layers for passes in told] == [2, 1]
    for number, scores in found.items():
        most = np.abs(whole[number].ig).max()
        assert np.abs(scores.ig - whole[number].ig).max() < 1e-6 * most


def test_questions_that_share_an_attribution_pass_are_what_they_are_apart_and_go_apart_without_memory(
    engine, questions, monkeypatch
):
    settings = AttributionConfig(steps=4)
    apart = dict(engine.attribute(questions, settings, StagePart(passes=Passes(layers=4, rows=64, positions=64))))
    shared = Passes(layers=4, rows=64, positions=64, questions=3)
    whole, sizes, limit = module.attribute_batch, [], []

    def limited(loaded, batch, *args, **kwargs):
        sizes.append(len(batch.states))
        if len(batch.states) > limit[-1]:
            raise NO_MEMORY[0]
        return whole(loaded, batch, *args, **kwargs)

    monkeypatch.setattr(module, "attribute_batch", limited)
    for most, expected in ((3, [3] * (len(questions) // 3)), (1, [3] + [1] * len(questions))):
        sizes.clear()
        limit.append(most)
        found = dict(engine.attribute(questions, settings, StagePart(passes=shared)))
        assert sizes == expected
        assert found.keys() == apart.keys()
        for number, scores in found.items():
            assert scores.question_id == questions[number].id
            assert np.abs(scores.ig - apart[number].ig).max() < 5e-6 * np.abs(apart[number].ig).max()
    # A resumed run computes the whole pass again and gives what is missing.
    limit.append(3)
    assert list(dict(engine.attribute(questions, settings, StagePart([0, 2], shared)))) == [
        1,
        *range(3, len(questions)),
    ]


def test_memory_that_does_not_suffice_for_one_layer_is_said(engine, questions, monkeypatch):
    tried = out_of_memory_above(monkeypatch, "attribute_batch", "layers_per_pass", 0, NO_MEMORY[0])
    with pytest.raises(ModelError, match=r"smallest pass\. Where: CUDA out of memory.*Accepted: shorter prompts"):
        list(engine.attribute(questions, AttributionConfig(layers_per_pass=3)))
    assert tried == [3, 2, 1]


def test_another_error_is_not_taken_for_a_lack_of_memory(engine, questions, monkeypatch):
    out_of_memory_above(monkeypatch, "attribute_batch", "layers_per_pass", 0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(engine.attribute(questions, AttributionConfig(layers_per_pass=3)))


def test_a_run_keeps_its_plan_and_a_smaller_one_with_an_event(tmp_path, engine, config, monkeypatch):
    store = Store(tmp_path / "runs")
    whole = store.create(config)
    execute(whole, lambda _: engine)
    assert whole.passes() == Passes(layers=4, rows=1024, positions=1024)

    run = store.create(config)
    rows = out_of_memory_above(monkeypatch, "plan_chunks", None, 100, NO_MEMORY[1])
    monkeypatch.setattr(side_effects, "plan_chunks", module.plan_chunks)
    out_of_memory_above(monkeypatch, "attribute_batch", "layers_per_pass", 2, NO_MEMORY[1])
    execute(run, lambda _: engine)
    # An example's three questions share them while the whole grid fits, 133 rows a question; side effects take fewer.
    assert rows == [341, 170, 85, 256, 128, 64, 16]
    assert run.passes() == Passes(layers=2, rows=64, positions=64)
    events = [event for event in run.events() if event["event"] == "smaller passes"]
    assert [(event["layers"], event["rows"]) for event in events] == [(2, n) for n in (1024, 512, 256, 128, 64)]
    assert np.abs(run.probabilities().values - whole.probabilities().values).max() < 1e-5


def test_a_resumed_run_takes_the_plan_that_it_began_with(tmp_path, engine, config, monkeypatch):
    run = Store(tmp_path / "runs").create(config)
    run.save_passes(Passes(layers=3, rows=20, positions=50))
    tried = out_of_memory_above(monkeypatch, "attribute_batch", "layers_per_pass", 9, NO_MEMORY[0])
    execute(run, lambda _: engine)
    assert set(tried) == {3}
    assert run.passes() == Passes(layers=3, rows=20, positions=50)


def test_a_damaged_plan_is_said(tmp_path, config):
    run = Store(tmp_path / "runs").create(config)
    run._write_json(run.path / "passes.json", '{"layers": 3}')
    with pytest.raises(RunError, match=r"chunk plan.*can't be read.*passes\.json"):
        run.passes()


def test_what_the_config_says_is_taken_and_the_rest_is_chosen(engine, questions):
    passes = engine.passes(questions, AttributionConfig(layers_per_pass=3), EvaluationConfig(rows_per_pass=7))
    assert passes == Passes(layers=3, rows=7, positions=1024)
    assert engine.passes(questions, AttributionConfig(methods=("tn",)), None).layers == 4
