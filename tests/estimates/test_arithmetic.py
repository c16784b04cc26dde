"""What arithmetic says an attribution costs, against a count of torch's own and numbers worked out by hand."""

import json

import pytest
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker

from neuron_core.cli import main
from neuron_core.engine.engine import Engine
from neuron_core.errors import ModelError
from neuron_core.estimates.arithmetic import DEVICES, Cost, Device, attribution_cost, seconds_on
from neuron_core.estimates.report import cost_report, cost_table, cost_text, duration_text
from neuron_core.models.letters import common_prefix_length, tokenize_prompt
from neuron_core.models.presets import find_preset
from neuron_core.models.size import EMBEDDED_DIMENSIONS
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.runs.config import AttributionConfig
from neuron_core.tasks.load import load_task

SEVEN = find_preset("LLaMA-2-7B").dimensions


@pytest.fixture
def counter(monkeypatch):
    """torch's count of operations, whose hooks for a count by module do not bear autograd.grad by leaves."""
    monkeypatch.setattr(ModuleTracker, "__enter__", lambda self: self)
    monkeypatch.setattr(ModuleTracker, "__exit__", lambda *_: None)
    return FlopCounterMode(display=False)


def test_the_count_is_within_a_factor_of_two_of_what_torch_counts_on_the_embedded_model(counter):
    engine = Engine(ModelSpec(device="cpu"))
    task = load_task("sentiment").task
    draws = draw(task, 1, 0, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)[:2]
    prompts = [tokenize_prompt(engine.loaded.tokenizer, question.prompt).token_ids for question in questions]
    config = AttributionConfig(steps=4)
    with counter:
        list(engine.attribute(questions, config))
    cost = attribution_cost(
        EMBEDDED_DIMENSIONS,
        config,
        n_questions=2,
        tokens=sum(map(len, prompts)) // 2,
        shared=common_prefix_length(prompts),
    )
    assert 0.5 < cost.flops / counter.get_total_flops() < 2


def test_a_7b_question_by_hand():
    cost = attribution_cost(SEVEN, AttributionConfig(), n_questions=1, tokens=100, shared=0)
    # A layer has 4 · 4096² + 3 · 4096 · 11008 = 202,375,168 weights; attention over 100 tokens 4 · 4096 · 100 a token.
    of_token = 2 * 202_375_168 + 4 * 4096 * 100
    assert cost.prompt_flops == 32 * 100 * of_token
    # 15 steps, one at zero, one at full value for eight layers, over the 31 + 30 + ... + 0 layers above, forward and
    # backward.
    assert cost.row_flops == (16 + 1 / 8) * 496 * 2 * of_token
    # Groups of eight layers begin at 0, 8, 16, 24: 80 layers forward and backward, and 32 for the prompt.
    assert cost.layer_passes == 32 + 2 * 80


def test_passes_are_planned_for_the_memory_that_is_free():
    def layers_run(free):
        return attribution_cost(SEVEN, AttributionConfig(), n_questions=1, tokens=100, free=free).layer_passes

    # All 32 layers' rows in one pass; one layer's at a time: 32 + 31 + ... + 1 layers forward and backward.
    assert layers_run(80 * 10**9) == 32 + 2 * 32
    assert layers_run(1) == 32 + 2 * 528


def test_the_common_beginning_is_paid_once_and_questions_by_their_number():
    one, many = (attribution_cost(SEVEN, AttributionConfig(), n_questions=n, tokens=100, shared=80) for n in (1, 11))
    assert many.row_flops == 11 * one.row_flops
    # Eleven questions are of four examples: 4 tokens of each stem, 16 of the options of each question.
    assert many.prompt_flops / one.prompt_flops == pytest.approx((80 + 4 * 4 + 11 * 16) / 100)


def test_a_fourth_question_of_an_example_costs_its_rows_and_its_options():
    three, four = (
        attribution_cost(SEVEN, AttributionConfig(examples=5, proxies=proxies)) for proxies in ("shuffles", "rotations")
    )
    assert (three.n_questions, four.n_questions) == (15, 20)
    assert four.row_flops / three.row_flops == pytest.approx(4 / 3)
    assert four.prompt_flops / three.prompt_flops == pytest.approx((100 + 5 * 44 + 20 * 16) / (100 + 5 * 44 + 15 * 16))


def test_more_targets_cost_their_backward_passes_and_a_post_norm_its_own_layer():
    ace, three = (
        attribution_cost(SEVEN, AttributionConfig(methods=methods)) for methods in (("ace",), ("ace", "tn", "qrnca"))
    )
    assert 2 < three.row_flops / ace.row_flops < 2.2
    gemma = find_preset("Gemma-3-1b").dimensions
    inside = attribution_cost(gemma, AttributionConfig(), tokens=100)
    # 26 · 27 / 2 layers for each of 16 rows and one for eight layers, where behind the layer it would be 26 · 25 / 2.
    assert inside.row_flops == 15 * (16 + 1 / 8) * 351 * 2 * (2 * gemma.layer_parameters + 4 * 4 * 256 * 100)


def test_beyond_two_gigabytes_only_extremes_and_sums_are_kept():
    few, many = (attribution_cost(SEVEN, AttributionConfig(), n_questions=n).disk_bytes for n in (15, 100_000))
    sums = 3 * 8 * 352_256
    assert few == 5 * 2 * 5000 * 8 + sums + 15 * 2048 + 15 * 2 * 352_256 * 4
    assert many == 33_334 * 2 * 5000 * 8 + sums + 100_000 * 2048


@pytest.mark.parametrize(
    ("peak", "bandwidth", "launch", "seconds"),
    [(100.0, 1e9, 0.0, 20.0), (1e9, 10.0, 0.0, 24.0), (1e9, 1e9, 0.1, 3.0)],
)
def test_time_is_what_takes_longest_of_computing_reading_and_launching(peak, bandwidth, launch, seconds):
    device = Device("d", {"float32": peak}, 0.5, bandwidth, None, launch, "")
    cost = Cost(3, 400.0, 600.0, layer_passes=10, weight_passes=2.0, disk_bytes=0, working_bytes=0)
    assert seconds_on(device, cost, 40, "float32") == pytest.approx(seconds)
    assert seconds_on(device, cost, 40, "float16") is None


def test_every_device_says_what_its_numbers_rest_on():
    assert all(device.rests_on and 0 < device.share <= 1 for device in DEVICES)


def test_the_command_says_the_same_as_json_and_as_text(capsys):
    assert main(["estimate", "--model", "LLaMA-2-7B", "--questions", "1500", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == cost_report(ModelSpec("LLaMA-2-7B"), 1500, AttributionConfig())
    assert found["memory_bytes"]["float32"]["weights"] == 26_953_662_464
    assert [line["fits"] for line in found["time"]] == [None, None, True, True]
    assert main(["estimate", "--model", "LLaMA-2-7B", "--questions", "1500"]) == 0
    assert capsys.readouterr().out.rstrip() == cost_text(found)
    assert "cpu, two cores, bfloat16: not measured" in cost_text(found)


def test_a_model_of_unknown_size_and_an_unknown_method_are_refused(capsys):
    with pytest.raises(ModelError, match=r"size of the model is not known.*some/unknown"):
        cost_report(ModelSpec("some/unknown"), 15, AttributionConfig())
    assert main(["estimate", "--methods", "ace,none"]) == 1
    assert "unknown method 'none'" in capsys.readouterr().err


def test_the_table_has_three_models_and_three_numbers_of_questions():
    lines = cost_table().splitlines()
    assert len(lines) == 2 + 9
    assert lines[2].startswith("| LLaMA-2-7B | 15 | 105 |")
    assert all("does not fit" in line for line in lines if "70B" in line)


def test_durations_are_said_in_the_unit_that_fits():
    assert [duration_text(s) for s in (0.42, 119, 300, 3 * 3600, 3 * 86400)] == [
        "0.42 s",
        "119 s",
        "5 min",
        "3 h",
        "3 days",
    ]
