"""A run folder as the program wrote it before its modules were split into rooms still opens, whole."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from neuron_core.paths import ASSETS
from neuron_core.reports import results
from neuron_core.reports.run_page import runs_html
from neuron_core.runs.results import read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import setting_from_json, setting_to_json
from neuron_core.runs.store import Store

KEPT = Path(__file__).parent / "earlier_run"


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A copy in a store: reading must not change what is kept."""
    shutil.copytree(KEPT, tmp_path / "runs" / "20261127-120000-weather-0123")
    (found,) = Store(tmp_path / "runs").runs()
    return found


def test_its_settings_state_and_label_are_read(run):
    config = run.config()
    assert (config.task, config.model.source, config.attribution.methods) == ("weather.jsonl", "llama", ("ace", "kn"))
    assert (config.evaluation.ks, config.evaluation.ratios) == ((4, 6), (0.0, 0.5, 1.0))
    assert (run.status().state, run.label()) == ("done", "made before the move")
    assert [event["event"] for event in run.events()][-1] == "done"


def test_its_neurons_are_those_that_the_earlier_program_reported(run):
    found = results.attribution(run)
    assert [one["id"] for one in found["good"]] == ["1.26", "0.32", "0.31", "3.21", "3.5", "0.22"]
    assert [one["id"] for one in found["bad"]] == ["0.40", "0.9", "3.25", "2.47", "2.34", "2.43"]
    assert found["good"][0]["score"] == pytest.approx(0.10087323188781738)
    assert found["completeness_gap"]["largest"] == pytest.approx(0.09525477141141891)
    assert found["n_ambiguous"] == 4


def test_its_effects_are_those_that_the_earlier_program_reported(run):
    found = results.evaluation(run)
    best = {(row["k"], name): row for name, rows in found["best"].items() for row in rows if row["source"] == "ace"}
    assert {cell: (row["ratio"], row["rac"]) for cell, row in best.items()} == {
        (4, "enhancer"): (0.5, -50.0),
        (6, "enhancer"): (1.0, 50.0),
        (4, "degrader"): (0.5, -50.0),
        (6, "degrader"): (0.5, -50.0),
    }
    assert found["baseline"]["acc"] == pytest.approx(1 / 6)
    assert found["side_effects"]["perplexity"] == pytest.approx(738.698486328125)


def test_every_question_s_scores_and_probabilities_are_read(run):
    attribution, evaluated = read_attribution(run), read_evaluated(run)
    assert len(attribution.gaps.mean) == 4
    assert all(run.scores(number).ig.shape == (2, 4, 48) for number in range(6))
    assert evaluated.probabilities.values.shape == (12, 1 + len(evaluated.plan), 4)
    assert np.allclose(evaluated.probabilities.values.sum(axis=-1), 1, atol=1e-5)
    assert {name: len(ranking.scores) for name, ranking in run.rankings().items()} == {"ace": 32, "kn": 28}


def test_its_report_is_made_and_it_is_deleted_like_any_other(run):
    assert "1.26" in runs_html({run.id: run})
    store = Store(run.path.parent)
    store.delete(run.id)
    assert store.runs() == []


def test_questions_are_the_same_where_it_was_not_kept_which_options_are_labels():
    demo = RunFolder(ASSETS / "demo_run").setting()
    text = setting_to_json(demo)
    assert '"label": true' in text or '"label":true' in text
    earlier = setting_from_json(re.sub(r',\s*"label":\s*(true|false)', "", text).encode())
    assert not any(option.label for question in earlier.evaluation for option in question.options)
    assert (earlier.attribution, earlier.evaluation) == (demo.attribution, demo.evaluation)
