"""TF32 is on only while a model whose dtype it is computes, and its runs are kept apart from those in float32.

There is no GPU here. The setting of torch is real; a tiny model on the CPU stands in for one on a GPU, on whose numbers
the setting has no effect.
"""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuron_core.control.findings import Steering, Text
from neuron_core.engine import model_lock
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.engine.inspection import facts_of
from neuron_core.errors import ModelError, RunError
from neuron_core.models import device
from neuron_core.models.loading import load_model
from neuron_core.models.products import EXACT, Products, exact_products, products_of
from neuron_core.models.spec import TF32, ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.keys import attribution_key
from neuron_core.runs.questions import make_setting
from neuron_core.runs.store import Store
from tests.builders import PROMPT
from tests.engine.test_engine import some_plan
from tests.run_helpers import tiny_config

MATMUL = torch.backends.cuda.matmul
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def usual():
    """The setting of the process, which no test may leave changed."""
    before = MATMUL.fp32_precision
    assert before != TF32
    yield before
    assert MATMUL.fp32_precision == before


@pytest.fixture
def on_a_gpu(monkeypatch):
    """The CPU passes for a GPU that has TF32."""
    monkeypatch.setattr(device, "_check_tf32", lambda spec, device: None)
    made = lambda loaded: products_of(replace(loaded, device=torch.device("cuda")))  # noqa: E731
    monkeypatch.setattr(model_lock, "products_of", made)


@pytest.fixture
def load(on_a_gpu, checkpoint):
    """`load(dtype)`: a model of its own with its engine, and the precisions that its layers have seen."""

    def with_dtype(dtype):
        loaded, seen = load_model(ModelSpec(str(checkpoint("llama")), dtype=dtype, device="cpu")), []
        for layer in loaded.layers:
            layer.register_forward_pre_hook(lambda *_: seen.append(MATMUL.fp32_precision))
        return Engine.of(loaded), seen

    return with_dtype


@pytest.fixture
def questions(tiny_model, task_file, checkpoint):
    return make_setting(tiny_config(task_file, checkpoint("llama")), facts_of(tiny_model("llama"))).evaluation


def everything(engine, questions):
    """Every public method that computes, as a generator that goes on at each of their results."""
    plan, how = some_plan(engine), EvaluationConfig(examples=2)
    passes = engine.passes(questions, AttributionConfig(), how)
    yield engine.inspect(PROMPT)
    yield from engine.attribute(questions[:2], AttributionConfig(steps=4))
    yield from engine.evaluate(questions[:2], plan, how)
    yield from engine.evaluate(questions[:1], plan, replace(how, position="all"))
    yield engine.side_effects(questions[:2], plan, "Rain in the north.", position="last", passes=passes)
    yield from engine.baseline(questions[:2])
    yield engine.mean_neurons(questions[:2])
    yield engine.neuron_values(questions[:2], [(1, 2)])
    yield engine.neuron_tokens(1, 2)
    yield engine.write_norms()
    yield from engine.neuron_contexts([Text("1", "Rain in the north.")], 1, 2)
    yield from engine.generate(PROMPT, Steering((), ()), n_tokens=2)


@pytest.mark.parametrize(("dtype", "precision"), [(TF32, TF32), ("float32", EXACT), ("bfloat16", EXACT)])
def test_each_pass_has_the_precision_of_its_model_and_what_lies_between_passes_has_the_usual_one(
    load, questions, usual, monkeypatch, dtype, precision
):
    engine, seen = load(dtype)
    backward = []
    own = torch.autograd.grad
    monkeypatch.setattr(
        torch.autograd, "grad", lambda *a, **k: (backward.append(MATMUL.fp32_precision), own(*a, **k))[1]
    )
    for _ in everything(engine, questions):
        assert MATMUL.fp32_precision == usual
    assert len(seen) > 100
    assert {*seen} == {*backward} == {precision}


def test_float32_is_exact_also_where_the_process_allows_tf32(load, questions, usual):
    engine, seen = load("float32")
    MATMUL.fp32_precision = TF32
    try:
        for _ in everything(engine, questions):
            assert MATMUL.fp32_precision == TF32
    finally:
        MATMUL.fp32_precision = usual
    assert {*seen} == {EXACT}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_usual_precision_is_back_after_an_error_in_a_pass(load, questions, usual, error):
    engine, _ = load(TF32)

    def fail(*_):
        assert MATMUL.fp32_precision == TF32
        raise error

    handle = engine.loaded.layers[2].register_forward_pre_hook(fail)
    with pytest.raises(error):
        next(engine.attribute(questions[:1], AttributionConfig(steps=4)))
    assert MATMUL.fp32_precision == usual
    handle.remove()
    assert next(engine.baseline(questions[:1])).shape == (4,)


def test_models_of_both_kinds_take_turns_and_never_see_each_other_s_precision(load, questions):
    (rounded, seen), (exact, seen_exact) = load(TF32), load("float32")
    errors, begun = [], threading.Barrier(2)

    def work(engine):
        try:
            begun.wait(PATIENCE_S)
            for _ in range(3):
                [*engine.attribute(questions, AttributionConfig(steps=4))]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(engine,), daemon=True) for engine in (rounded, exact)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)
    assert {*seen} == {TF32}
    assert {*seen_exact} == {EXACT}


def test_who_wants_another_precision_waits_and_who_wants_the_same_does_not():
    entered, leave = {TF32: threading.Event(), EXACT: threading.Event()}, threading.Event()

    def enter(precision):
        with Products(precision):
            assert MATMUL.fp32_precision == precision
            entered[precision].set()
            leave.wait(PATIENCE_S)

    threads = [threading.Thread(target=enter, args=(precision,), daemon=True) for precision in (TF32, EXACT)]
    with Products(TF32):
        for thread in threads:
            thread.start()
        assert entered[TF32].wait(PATIENCE_S)
        assert not entered[EXACT].wait(0.2)
    # The other thread with TF32 is still inside.
    assert not entered[EXACT].wait(0.2)
    leave.set()
    assert entered[EXACT].wait(PATIENCE_S)
    for thread in threads:
        thread.join(PATIENCE_S)


def test_one_thread_may_load_a_model_within_another_s_pass(usual):
    with Products(TF32):
        with Products(EXACT):
            assert MATMUL.fp32_precision == EXACT
        assert MATMUL.fp32_precision == TF32
        with pytest.raises(KeyError), Products(EXACT):
            raise KeyError
        assert MATMUL.fp32_precision == TF32
    assert MATMUL.fp32_precision == usual


def test_nothing_is_set_for_a_model_on_the_cpu(tiny_model, usual):
    loaded = tiny_model("llama")
    on_cuda = replace(loaded, device=torch.device("cuda:1"))
    rounded = replace(loaded.spec, dtype=TF32)
    for made, precision in (
        (products_of(loaded), usual),
        (products_of(replace(loaded, spec=rounded)), usual),
        (products_of(on_cuda), EXACT),
        (products_of(replace(on_cuda, spec=rounded)), TF32),
        (exact_products(on_cuda.device), EXACT),
        (exact_products(loaded.device), usual),
    ):
        with made:
            assert MATMUL.fp32_precision == precision


def test_weights_of_tf32_are_those_of_float32_and_its_name_and_fingerprint_are_its_own(load, tiny_model):
    engine, plain = load(TF32)[0], tiny_model("llama")
    assert engine.loaded.dtype is torch.float32
    facts, usual_facts = engine.facts(), facts_of(plain)
    assert (facts.dtype, usual_facts.dtype) == (TF32, "float32")
    assert facts.fingerprint != usual_facts.fingerprint
    # Weights, tokenizer and config are the same.
    assert facts.fingerprint.split("-")[1:] == usual_facts.fingerprint.split("-")[1:]


def test_a_run_records_tf32_and_is_not_continued_in_float32_nor_the_other_way(
    load, tiny_model, checkpoint, task_file, tmp_path
):
    store, usual_config = Store(tmp_path), tiny_config(task_file, checkpoint("llama"))
    config = replace(usual_config, model=replace(usual_config.model, dtype=TF32))
    engines = {TF32: load(TF32)[0], "float32": Engine.of(tiny_model("llama"))}
    runs = {TF32: store.create(config), "float32": store.create(usual_config)}
    for dtype, run in runs.items():
        execute(run, lambda _, dtype=dtype: engines[dtype])
    one, other = (run.setting() for run in runs.values())
    assert (one.model.dtype, other.model.dtype) == (TF32, "float32")
    assert store.open(runs[TF32].id).config().model.dtype == TF32
    assert attribution_key(one, config.attribution) != attribution_key(other, config.attribution)
    # On the CPU, where nothing is rounded, they have the same numbers.
    assert np.array_equal(*(run.scores(0).ig for run in runs.values()))
    for dtype, other_dtype in ((TF32, "float32"), ("float32", TF32)):
        with pytest.raises(RunError, match="the model is not the one this run began with"):
            execute(store.open(runs[dtype].id), lambda _, dtype=other_dtype: engines[dtype])


@pytest.mark.parametrize("bits", ["load_in_4bit", "load_in_8bit"])
def test_quantised_weights_are_refused(bits):
    with pytest.raises(ModelError, match=r"can't be combined with tf32. Where: dtype. Accepted: float32, bfloat16"):
        ModelSpec("some/model", dtype=TF32, **{bits: True})
