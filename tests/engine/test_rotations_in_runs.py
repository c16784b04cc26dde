"""A run in rotations by `content`, beside sets as loud as its own; an older run opened with letter-free measures."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.control.metrics import evaluation_from_dict, evaluation_to_dict
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import ConfigError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import (
    AttributionConfig,
    EvaluationConfig,
    RunConfig,
    SetUse,
    config_from_json,
    config_to_json,
)
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_helpers import tiny_config

NEW = ("content_", "acc_letters", "letter_preference", "letter_spread", "variance_shares", "rac_content", "rac_letters")
"beginnings of the fields that letter-free measures brought"


@pytest.fixture(scope="module")
def run(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    attribution = AttributionConfig(methods=("content", "ace"), examples=3, z=12, k=6, proxies="rotations")
    evaluation = EvaluationConfig(
        examples=5, ks=(4, 6), random_seeds=2, methods=("content", "ace", "random-loud"), proxies="rotations"
    )
    config = tiny_config(task_file, checkpoint("llama"), attribution=attribution, evaluation=evaluation)
    found = Store(tmp_path_factory.mktemp("rotations")).create(config)
    execute(found, lambda _: Engine.of(tiny_model("llama")))
    return found


def test_a_run_in_rotations_asks_four_questions_and_has_every_measure(run):
    setting, evaluation = run.setting(), run.evaluation()
    assert (len(setting.attribution), len(setting.evaluation)) == (12, 20)
    assert [q.target for q in setting.evaluation[:4]] == sorted(
        (q.target for q in setting.evaluation[:4]), key=lambda t: (t - setting.evaluation[0].target) % 4
    )
    for row in (evaluation.baseline, *evaluation.grid, *evaluation.random, *evaluation.best):
        assert None not in (row.content_acc, row.content_margin, row.acc_letters_removed)
    assert sum(evaluation.baseline.variance_shares.values()) == pytest.approx(1)


def test_content_ranks_the_plain_sum_of_all_questions(run):
    scores = sum(run.scores(number).of("content").astype(np.float64) for number in range(12))
    ranking = run.ranking("content")
    assert len(ranking.scores) == np.count_nonzero(scores)
    np.testing.assert_allclose(scores[tuple(ranking.neurons.T)], ranking.scores, rtol=1e-4, atol=1e-6)
    assert ranking.n_ambiguous == 0


def test_sets_as_loud_stand_beside_sets_of_the_same_layers(run):
    evaluation = run.evaluation()
    assert {row.source for row in evaluation.random} == {"random+", "random-loud"}
    assert {best.source for best in evaluation.random_best} == {"random+", "random-loud"}
    assert {row.n_seeds for row in evaluation.random} == {2}
    assert run.loudness().shape == (4, 48)


def test_loudness_needs_an_attribution():
    evaluation = EvaluationConfig(methods=("random-loud",))
    with pytest.raises(ConfigError, match="random-loud"):
        RunConfig(
            "ner", attribution=AttributionConfig(methods=()), evaluation=evaluation, sets=(SetUse("x.json", "mine"),)
        )


def test_rotations_and_the_rule_for_ambiguous_neurons_survive_json_and_old_configs_are_shuffles(run):
    config = replace(run.config(), attribution=replace(run.config().attribution, ambiguous="keep"))
    assert config_from_json(config_to_json(config)) == config
    old = json.loads(config_to_json(RunConfig("ner", ModelSpec(), evaluation=EvaluationConfig())))
    for stage in ("attribution", "evaluation"):
        old[stage].pop("proxies")
    old["attribution"].pop("ambiguous")
    opened = config_from_json(json.dumps(old))
    assert (opened.attribution.proxies, opened.evaluation.proxies, opened.attribution.ambiguous) == (
        "shuffles",
        "shuffles",
        "drop",
    )


def test_an_evaluation_of_an_older_version_gets_its_measures_from_the_saved_probabilities(whole_long_run, tmp_path):
    old = RunFolder(shutil.copytree(whole_long_run.path, tmp_path / "old"))
    expected = old.evaluation()
    saved = evaluation_to_dict(expected)
    for row in (saved["baseline"], *saved["grid"], *saved["random"], *saved["best"]):
        for name in [name for name in row if name.startswith(NEW)]:
            del row[name]
    old.save_evaluation(evaluation_from_dict(saved))
    assert b'"acc_letters_removed": null' in (old.path / "evaluation.json").read_bytes()
    found = RunFolder(old.path).evaluation()
    assert found.baseline.acc_letters_removed is not None
    assert found == expected
