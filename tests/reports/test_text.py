"""What a command prints, from a finished run and from numbers set by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.reports import results, text
from neuron_core.reports.letter_free import baseline_lines, effect_lines
from neuron_core.runs.config import AttributionConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.tasks.load import load_task
from tests.builders import classification_rows, write_jsonl
from tests.run_helpers import tiny_config

BASELINE = {
    "acc": 0.5,
    "com": 0.25,
    "n_examples": 4,
    "n_questions": 12,
    "acc_interval": (0.25, 0.75),
    "letters": {"A": 0.5, "B": 0.25, "C": 0.25, "D": 0.0},
    "complaint": None,
}
MODEL = {"title": "tiny", "dtype": "float32", "device": "cpu", "n_layers": 4, "n_neurons": 250}


def best(k, direction, ratio, rac, rcc, verdict="ok", heldout=(None, None)):
    return {
        "k": k,
        "direction": direction,
        "source": "ace",
        "ratio": ratio,
        "rac": rac,
        "rcc": rcc,
        "verdict": verdict,
        "heldout_rac": heldout[0],
        "heldout_rcc": heldout[1],
    }


def grid_row(k, n_good, n_bad):
    return {"source": "ace", "k": k, "n_good": n_good, "n_bad": n_bad}


def evaluation_by_hand():
    return {
        "run": "some-run",
        "path": "/runs/some-run",
        "task": "mood",
        "model": MODEL,
        "baseline": BASELINE,
        "n_ranked": {"ace": {"good": 7, "bad": 120}},
        "sample": None,
        "side_effects": None,
        "grid": [grid_row(4, 2, 2), grid_row(4, 4, 0), grid_row(10, 7, 0)],
        "best": {
            "enhancer": [best(4, "enhancer", 0.5, 12.5, 0.0, heldout=(10.0, -1.25))],
            "degrader": [
                best(4, "degrader", 1.0, -3.0, None, "undefined"),
                best(10, "degrader", 0.3, 100.0, -50.0, "fail"),
            ],
        },
        "random_best": [{"source": "random+", "k": 4, "direction": "enhancer", "rac": 1.5, "rcc": None}],
    }


def attribution_by_hand():
    return {
        "run": "some-run",
        "path": "/runs/some-run",
        "task": "mood",
        "model": MODEL,
        "n_questions": 15,
        "baseline": {**BASELINE, "complaint": "Accuracy can't be told from chance."},
        "z": 20,
        "k": 12,
        "preset": "own",
        "share": 0.012,
        "n_ambiguous": 3,
        "completeness_gap": {"mean": 0.125, "largest": 0.5},
        "good": [{"id": f"3.{i}", "score": 1.0 / (i + 1)} for i in range(12)],
        "bad": [{"id": "0.249", "score": -0.25}],
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    made = Store(tmp_path_factory.mktemp("report")).create(tiny_config(task_file, checkpoint("llama")))
    execute(made, lambda _: Engine.of(tiny_model("llama")))
    return made


@pytest.fixture
def begun(tmp_path, task_file, checkpoint, tiny_model):
    """A run with its neurons and no evaluation."""
    config = tiny_config(task_file, checkpoint("llama"), evaluation=None, attribution=AttributionConfig(examples=1))
    made = Store(tmp_path).create(config)
    execute(made, lambda _: Engine.of(tiny_model("llama")))
    return made


def test_the_table_of_the_best_ratios_by_hand():
    assert text.evaluation_text(evaluation_by_hand()).splitlines() == [
        "run some-run  (/runs/some-run)",
        "tiny on mood: 12 questions, 4 examples",
        "accuracy 50.0% [25.0%, 75.0%], chance 25%; comprehension 25.0%",
        "letters chosen: A 50%, B 25%, C 25%, D 0%",
        "                        best of all ratios                       held out         random, best",
        "    K  direction ratio       RAC       RCC  verdict         RAC       RCC        RAC       RCC",
        "    4   enhancer   0.5    +12.5%     +0.0%  ok           +10.0%     -1.2%      +1.5%     undef",
        "    4   degrader   1.0     -3.0%     undef  undefined     undef     undef          -         -",
        "   10   degrader   0.3   +100.0%    -50.0%  fail          undef     undef          -         -",
        "the ranking of ace has 7 good and 120 bad neurons: K = 10 uses fewer than K at some ratios",
        "RAC and RCC in percent, positive in the intended direction. The best of all ratios is optimistic;",
        "held out, the ratio is chosen on one half of the examples and measured on the other.",
    ]


def test_enough_neurons_need_no_word():
    enough = {**evaluation_by_hand(), "grid": [grid_row(4, 2, 2), grid_row(10, 7, 3)]}
    assert "uses fewer" not in text.evaluation_text(enough)


def test_the_neurons_by_hand_ten_of_each_kind_and_what_is_missing():
    assert text.attribution_text(attribution_by_hand()).splitlines() == [
        "run some-run  (/runs/some-run)",
        "tiny, float32 on cpu; mood, 15 questions",
        "accuracy 50.0% [25.0%, 75.0%], chance 25%; comprehension 25.0%",
        "letters chosen: A 50%, B 25%, C 25%, D 0%",
        "Warning: Accuracy can't be told from chance.",
        "z = 20, K = 12 (1.200% of 4 x 250 neurons, preset own); 3 ambiguous neurons set to 0",
        "completeness gap |mean| 12.5%, largest 50.0%",
        "      good       score          bad       score",
        "       3.0   1.000e+00        0.249  -2.500e-01",
        "       3.1   5.000e-01",
        "       3.2   3.333e-01",
        "       3.3   2.500e-01",
        "       3.4   2.000e-01",
        "       3.5   1.667e-01",
        "       3.6   1.429e-01",
        "       3.7   1.250e-01",
        "       3.8   1.111e-01",
        "       3.9   1.000e-01",
        "… the first 10 of 12; --json gives all",
        "only 1 bad neurons were found; K is 12",
    ]


def test_a_demo_has_its_parts_under_headings():
    question = {"id": "a#1", "correct": "B", "prompt": "Question: Which?\nAnswer:"}
    demo = {
        **evaluation_by_hand(),
        "preview": question,
        "attribution": attribution_by_hand(),
        "total_s": 61.25,
    }
    lines = text.demo_text(demo).splitlines()
    assert lines[:3] == ["--- preview: one of the questions", "Question: Which?", "Answer:   (correct: B)"]
    assert lines[3:5] == ["--- baseline", "tiny on mood: 12 questions, 4 examples"]
    assert [line for line in lines if line.startswith("---")][2:] == ["--- neurons", "--- interventions"]
    assert lines[-1] == "finished in 61.2 s"


def test_the_first_five_reasons_are_shown_and_the_rest_counted(tmp_path):
    rows = classification_rows(14)
    for row in rows[:7]:
        row["text"] = ""
    reading = load_task(str(write_jsonl(tmp_path / "mood.jsonl", rows)))
    result = results.rejected(reading)
    assert (result["n_rejected"], len(result["rejected"])) == (7, 7)
    assert text.rejected_text(reading).splitlines() == [
        f"7 of 14 rows of {tmp_path / 'mood.jsonl'} are not used:",
        *[f"  row {i}, column text: is empty ('')" for i in range(1, 6)],
        "  … and 2 more; `preview --json` gives all",
    ]


def test_a_preview_says_its_questions_and_their_correct_letters(task_file):
    reading = load_task(str(task_file))
    draws = draw(reading.task, 1, 0, 0)
    questions = questions_of(reading.task, draws.attribution, draws.demonstration, 0)
    result = results.preview(reading, questions)
    letters = [next(o.letter for o in q.options if o.correct) for q in questions]
    assert [q["correct"] for q in result["questions"]] == letters
    assert [q["prompt"] for q in result["questions"]] == [q.prompt for q in questions]
    assert text.preview_text(result).startswith("weather (classification): 48 examples, 0 rows rejected\n--- ")


def test_a_baseline_counts_the_letters_that_the_model_chose(run):
    setting = run.setting()
    chosen = np.eye(4, dtype=np.float32)
    letters = [chosen[q.target if i < 6 else (q.target + 1) % 4] for i, q in enumerate(setting.evaluation)]
    result = results.baseline(setting, letters, seed=0)
    assert (result["n_questions"], result["n_examples"]) == (24, 8)
    assert (result["acc"], result["com"]) == (0.25, 0.25)
    assert result["task"] == "weather"


def test_an_attribution_carries_the_gap_and_the_baseline_of_its_own_questions(run):
    result = results.attribution(run)
    gaps = np.abs(np.stack([run.scores(n).completeness_gap[0] for n in range(12)]))
    assert gaps.shape == (12, 4)
    assert result["completeness_gap"] == {"mean": pytest.approx(gaps.mean()), "largest": pytest.approx(gaps.max())}
    right = [run.scores(n).letter_probabilities.argmax() == q.target for n, q in enumerate(run.setting().attribution)]
    assert result["baseline"]["acc"] == pytest.approx(np.mean(right))
    assert result["share"] == pytest.approx(6 / 192)
    assert len(result["good"]) == len(result["bad"]) == 6
    scores = [one["score"] for one in result["good"]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0 > max(one["score"] for one in result["bad"])


def test_an_evaluation_is_the_stored_one_with_the_best_by_direction(run):
    result, stored = results.evaluation(run), run.evaluation()
    assert [row["rac"] for row in result["grid"]] == [row.rac for row in stored.grid]
    assert len(result["grid"]) == len(result["random"]) == 2 * 11 * 2
    assert sum(map(len, result["best"].values())) == len(stored.best)
    for direction, rows in result["best"].items():
        assert [(row["k"], row["direction"]) for row in rows] == [(4, direction), (6, direction)]
    scores = run.ranking().scores
    assert result["n_ranked"] == {"ace": {"good": (scores > 0).sum(), "bad": (scores < 0).sum()}}
    assert result["random_seeds"] == 2


@pytest.mark.parametrize("make", [results.attribution, results.evaluation, lambda run: results.demo(run, 1.0)])
def test_every_result_is_json_without_nan_and_infinity(run, make):
    made = make(run)
    assert json.loads(json.dumps(made, allow_nan=False))["path"] == str(run.path.resolve())


def test_the_texts_of_a_real_run_can_be_made(run):
    assert "--- interventions" in text.demo_text(results.demo(run, 1.0))


def test_a_run_without_neurons_has_no_results(tmp_path, task_file, checkpoint):
    fresh = Store(tmp_path).create(tiny_config(task_file, checkpoint("llama")))
    with pytest.raises(RunError, match="the attribution of this run is not finished"):
        results.attribution(fresh)
    with pytest.raises(RunError, match="the run has no evaluation"):
        results.evaluation(fresh)


def test_a_run_without_an_evaluation_has_only_neurons(begun):
    assert results.attribution(begun)["n_questions"] == 3
    with pytest.raises(RunError, match="the run has no evaluation"):
        results.evaluation(begun)


def test_the_rejected_rows_of_a_run_are_counted(run):
    run.save_setting(replace(run.setting(), n_rejected=5))
    assert results.attribution(run)["n_rejected"] == results.evaluation(run)["n_rejected"] == 5


def test_what_letters_do_not_move_stands_below_accuracy_and_below_the_best_ratios():
    measured = {
        "content_margin": 2.5,
        "content_margin_interval": (2.0, 3.0),
        "content_acc": 0.75,
        "content_acc_interval": (0.5, 1.0),
        "acc_letters_removed": 0.6,
        "acc_letters_removed_interval": (0.5, 0.7),
    }
    assert baseline_lines({**measured, "letter_spread": 1.25}) == [
        "content: margin 2.50 [2.00, 3.00] nats, accuracy 75.0% [50.0%, 100.0%]",
        "letters removed: accuracy 60.0% [50.0%, 70.0%]; preference spreads over 1.25 nats",
    ]
    parts = {"rac": 30.0, "rac_content": 5.0, "rac_content_interval": (1.0, 9.0), "rac_letters": 25.0}
    row = {"source": "ace", "k": 100, "direction": "degrader", "ratio": 0.5, **measured, **parts}
    _, head, line = effect_lines([{**row, "rac_letters_interval": None}])
    assert " ".join(head.split()).endswith("content acc RAC content part letter part")
    assert " ".join(line.split()) == "ace 100 degrader 0.5 2.50 [2.00, 3.00] 75.0% +30.0 +5.0 [+1.0, +9.0] +25.0"
    assert baseline_lines({}) == effect_lines([{"rac_content": None}]) == []
