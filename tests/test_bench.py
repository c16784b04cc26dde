"""The bench: what it compares is equal, and it runs on models of any size. Nothing here asserts a time."""

import json
import sys
import time

import numpy as np
import psutil
import pytest
import torch

from neuron_core.bench import floor, stages, studies
from neuron_core.bench import run as bench
from neuron_core.bench.floor import floor_seconds
from neuron_core.bench.run import WIDER, run_bench
from neuron_core.bench.text import bench_text
from neuron_core.bench.timing import peak_memory_gib, timed_layers
from neuron_core.engine.engine import Engine
from neuron_core.figures.bench import bench_figure
from neuron_core.figures.theme import describe
from neuron_core.models import shapes
from neuron_core.models.shapes import SHAPES
from neuron_core.models.spec import ModelSpec
from neuron_core.tasks.load import load_task
from tests.builders import checkpoint, one_thread, tiny_checkpoint, tiny_model

__all__ = ["checkpoint", "one_thread", "tiny_model"]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return ModelSpec(str(tiny_checkpoint(tmp_path_factory.getbasetemp() / "checkpoints", "llama")), device="cpu")


@pytest.fixture(scope="module")
def measured(spec, one_thread, tiny_model):
    """A whole bench, its wider model a tiny one, and the stages it told."""
    stages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(shapes.SHAPES, WIDER, (64, 96, 4, 4))
        patch.setattr(shapes, "load_model", lambda spec: tiny_model("llama"))
        return run_bench(spec, quick=False, on_stage=stages.append), stages


@pytest.mark.parametrize(
    ("n_layers", "n", "layers"),
    [(30, 1, [15]), (30, 3, [5, 15, 25]), (4, 3, [0, 2, 3]), (2, 3, [0, 1]), (1, 3, [0]), (1, 1, [0])],
)
def test_the_timed_layers_lie_in_the_middle_of_equal_parts(n_layers, n, layers):
    assert timed_layers(n_layers, n) == layers


def test_the_result_says_what_was_measured_and_on_what(measured):
    result, stages = measured
    assert (result["model"], result["dtype"], result["device"]) == ("llama", "float32", "cpu")
    assert (result["m"], result["layers"], result["neurons_a_layer"], result["threads"]) == (16, 4, 48, 1)
    assert result["T"] > 100
    assert result["attribution"]["reference_layers"] == [0, 2, 3]
    assert result["attribution"]["questions"] == 6
    assert result["evaluation"]["interventions"] == 8 * 11 * 2
    assert stages[0] == "loading"
    usual = measured[0]["settings"][-1]["T"]
    assert stages[-13:] == [
        "fast attribution",
        "reference attribution",
        "Captum",
        "floor",
        "questions that share a prefix",
        "the method content",
        "grid",
        "T = 64, m = 16",
        "T = 256, m = 16",
        "T = 1024, m = 16",
        f"T = {usual}, m = 4",
        f"T = {usual}, m = 64",
        f"T = {usual}, m = 16",
    ]


def test_captum_floor_shared_prefixes_and_settings_are_measured_beside(measured):
    attribution, settings = measured[0]["attribution"], measured[0]["settings"]
    assert attribution["captum_s"] > 0
    assert attribution["ratio_to_floor"] == pytest.approx(attribution["fast_s"] / attribution["floor_s"])
    assert list(attribution["by_questions"]) == ["1", "3", "15", "45"]
    assert list(attribution["shared_to_floor"]) == ["1", "3", "15", "45"]
    assert attribution["content"]["ratio"] == attribution["content"]["content"] / attribution["content"]["ace"] > 0
    usual = measured[0]["T"]
    assert [setting["T"] for setting in settings][:3] == [64, 256, 1024]
    assert [setting["T"] for setting in settings][3:] == pytest.approx([usual] * 3, abs=9)
    assert [setting["m"] for setting in settings] == [16, 16, 16, 4, 64, 16]
    assert [setting["model"] for setting in settings] == ["llama"] * 5 + [f"{WIDER} shape, random weights"]
    assert all(setting["ratio"] == pytest.approx(setting["reference_s"] / setting["fast_s"]) for setting in settings)


def test_without_captum_its_time_is_null_and_the_text_says_so(spec, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    result = run_bench(spec, quick=True, on_stage=lambda _: None)
    assert result["attribution"]["captum_s"] is None
    assert result["settings"] == []
    assert "Captum, the same scores and layers: not installed" in bench_text(result)
    # The figure leaves it out.
    figure = bench_figure(result)
    assert [bar.name for bar in figure.data] == [
        "bare matrix multiplications",
        "fast exact form",
        "full-sequence reference",
    ]
    assert list(figure.data[0].x) == [f"T = {result['T']}<br>m = 16"]
    assert "Captum" not in describe(figure)


def test_the_floor_multiplies_the_shapes_of_prompt_and_rows_and_no_other(tiny_model, monkeypatch):
    shapes = []
    monkeypatch.setattr(floor, "_forward", lambda weight, n: shapes.append((n, *weight.shape)))
    floor_seconds(tiny_model("llama"), 10, 3, repeats=1)
    # Query and output, key and value, gate and up, down.
    matrices = [(32, 32), (32, 16), (32, 16), (32, 32), (32, 48), (32, 48), (48, 32)]
    prompt = [(10, *shape) for shape in matrices] * 4
    rows = [(n, *shape) for n in (3, 6, 9) for matrix in matrices for shape in (matrix, matrix[::-1])]
    assert shapes == prompt + rows


def test_rules_of_few_steps_are_set_beside_256_and_dtypes_beside_float64(spec):
    lines = studies.quadrature_study(spec, 1)
    assert [(line["rule"], line["steps"]) for line in lines] == list(studies.RULES)
    # Six points of Gauss-Legendre are nearer than sixteen right ones.
    assert lines[-1]["max_rel_diff"] < lines[0]["max_rel_diff"]
    assert all(0 <= line["jaccard_good"] <= 1 for line in lines)
    precision = torch.backends.mkldnn.matmul.fp32_precision
    single, half, rounded, products = studies.dtype_study(spec, 1)
    assert (single["dtype"], half["dtype"]) == ("float32", "bfloat16")
    assert rounded["dtype"] == "bfloat16 weights, float32 activations"
    assert single["max_rel_diff"] < rounded["max_rel_diff"] < 2
    assert single["max_rel_diff"] < 1e-5 < half["max_rel_diff"]
    assert single["jaccard_good"] == 1
    assert products["dtype"] == studies.PRODUCTS
    assert products["max_rel_diff"] < 0.1
    assert torch.backends.mkldnn.matmul.fp32_precision == precision
    assert studies.study_text([single]).startswith("float32 : ")


def test_the_ratios_are_those_of_the_times_beside_them(measured):
    attribution, evaluation = measured[0]["attribution"], measured[0]["evaluation"]
    assert attribution["ratio"] == pytest.approx(attribution["reference_s"] / attribution["fast_s"])
    assert min(attribution["fast_s"], evaluation["grid_s"], evaluation["baseline_s"]) > 0
    assert evaluation["ratio_to_baseline"] > 0


def test_fast_and_reference_attribution_agree(measured):
    assert 0 < measured[0]["attribution"]["max_rel_diff"] < 1e-5


def test_scores_that_differ_from_the_reference_are_seen(spec, monkeypatch):
    plain = stages.reference
    monkeypatch.setattr(stages, "reference", lambda *args, **kwargs: 2 * plain(*args, **kwargs))
    result = run_bench(spec, quick=True, on_stage=lambda _: None)
    assert result["attribution"]["max_rel_diff"] > 1e-3
    assert result["attribution"]["reference_layers"] == [2]
    assert result["attribution"]["questions"] == result["evaluation"]["questions"] == 3


def test_a_model_of_one_layer_and_few_neurons_is_measured_too(monkeypatch, spec):
    monkeypatch.setitem(SHAPES, "least", (8, 4, 1, 2))
    monkeypatch.setattr(shapes, "load_model", lambda _: bench.load_model(spec))
    result = run_bench(ModelSpec(device="cpu"), quick=False, on_stage=lambda _: None, shape="least")
    assert (result["model"], result["layers"]) == ("least shape, random weights", 1)
    assert result["attribution"]["reference_layers"] == [0]


def test_scores_that_are_all_zero_are_not_compared(monkeypatch, spec):
    loaded = bench.load_model(spec)
    with torch.no_grad():
        for projection in loaded.down_projections:
            projection.weight.zero_()
    monkeypatch.setattr(bench, "load_model", lambda *_: loaded)
    result = run_bench(spec, quick=True, on_stage=lambda _: None)
    assert result["attribution"]["max_rel_diff"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert "largest difference no score to compare" in bench_text(result)


def test_the_text_by_hand():
    result = {
        "model": "some model",
        "dtype": "float32",
        "device": "cpu",
        "threads": 2,
        "T": 141,
        "m": 16,
        "attribution": {
            "fast_s": 1.2,
            "reference_s": 130.0,
            "ratio": 108.33,
            "max_rel_diff": 3e-7,
            "reference_layers": [5, 15, 25],
            "captum_s": 140.0,
            "floor_s": 0.8,
            "ratio_to_floor": 1.5,
            "by_questions": {"1": 1.2, "3": 1.0},
            "shared_to_floor": {"1": 1.44, "3": 1.21},
            "content": {"ace": 9.0, "content": 12.0, "ratio": 12 / 9},
        },
        "settings": [
            {
                "model": "some model",
                "T": 64,
                "m": 16,
                "fast_s": 0.9,
                "reference_s": 60.0,
                "ratio": 66.7,
                "reference_layers": [7, 22],
                "captum_s": None,
                "floor_s": 0.6,
                "ratio_to_floor": 1.5,
            }
        ],
        "evaluation": {"interventions": 176, "grid_s": 0.75, "baseline_s": 0.25, "ratio_to_baseline": 3.0},
        "peak_memory_gib": 1.5,
    }
    assert bench_text(result).splitlines() == [
        "some model, float32 on cpu, 2 threads, T = 141, m = 16",
        "attribution of one question: 1.2 s; full-sequence reference 130 s, scaled from layers [5, 15, 25]: "
        "108 times as long; largest difference 3.0e-07 of max|IG|",
        "Captum, the same scores and layers: 140 s; bare matrix multiplications 0.8 s: the fast form takes "
        "1.50 times as long",
        "seconds per question, and the work as a multiple of the bare matrix multiplications, by the number of "
        "questions that share a prefix: 1: 1.2 s (1.44), 3: 1 s (1.21)",
        "the same examples by ACE in three shuffles: 9 s; by content in four rotations 12 s: 1.33 times as long",
        "grid of 176 interventions on one question: 0.75 s; one plain pass 0.25 s: 3.0 times",
        "some model, T = 64, m = 16: 0.9 s; reference 60 s, 67 times as long, scaled from layers [7, 22]; "
        "Captum not installed; 1.50 times the floor of 0.6 s",
        "peak memory 1.50 GiB",
    ]


def test_the_peak_covers_what_the_process_has_held():
    held = np.ones(2**27 // 8)
    peak = peak_memory_gib(torch.device("cpu"))
    assert held.nbytes < peak * 2**30 < psutil.virtual_memory().total
    # The system counts the peak in steps.
    assert psutil.Process().memory_info().rss < 1.02 * peak * 2**30


def test_shared_questions_are_compared_with_the_floor_before_and_after_in_processor_seconds(tiny_model, monkeypatch):
    loaded, clocks = tiny_model("llama"), []
    floors, ticks = iter([1.0, 3.0]), iter([10.0, 22.0])

    def floor_s(*_, clock):
        clocks.append(clock)
        return next(floors)

    monkeypatch.setattr(stages, "floor_seconds", floor_s)
    monkeypatch.setattr("time.process_time", lambda: next(ticks))
    questions = bench.questions_for(load_task("sentiment").task, (3,))
    passes = Engine.of(loaded).passes(questions[3], stages.CONFIG, None)
    seconds, to_floor = stages.time_shared(loaded, questions, passes, 160)
    assert seconds["3"] > 0
    # 12 s of the processor for 3 questions; the floor is 2 s.
    assert to_floor == {"3": 2.0}
    assert clocks == [time.process_time] * 2
