"""Two runs beside each other, with every number typed out."""

from dataclasses import replace

import numpy as np
import pytest

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.reports.comparison import (
    config_differences,
    grid_frame,
    metric_differences,
    neuron_frame,
    set_overlaps,
)
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse
from tests.figures import rows


def ranking(neurons, scores, n_neurons=8):
    return NeuronRanking(
        np.array(neurons, dtype=np.int32).reshape(-1, 2), np.array(scores, dtype=np.float32), 0, 2, n_neurons, 4
    )


ONE = ranking([(0, 1), (0, 2), (1, 3), (1, 4)], [4.0, 3.0, -1.0, -2.0])
TWO = ranking([(0, 2), (0, 5), (1, 4)], [4.0, 3.0, -2.0])


def test_only_settings_that_differ_are_listed_by_their_dotted_names():
    one = RunConfig("ner", seed=1)
    two = replace(one, attribution=AttributionConfig(steps=4))
    assert config_differences(one, two).values.tolist() == [["attribution.steps", "16", "4"]]
    assert len(config_differences(one, one)) == 0


def test_a_setting_that_one_run_has_not_is_a_dash_in_it():
    found = config_differences(RunConfig("ner"), RunConfig("ner", evaluation=EvaluationConfig(ks=(5, 9))))
    by_name = found.set_index("setting")
    assert by_name.loc["evaluation.ks"].tolist() == ["–", "5, 9"]
    assert by_name.loc["evaluation.random_seeds"].tolist() == ["–", "5"]


def test_metrics_are_compared_for_budgets_that_both_have():
    one = rows.evaluation(chosen=[rows.best(4, rac=30.0, heldout_rac=12.0), rows.best(8)])
    two = rows.evaluation(chosen=[rows.best(4, rac=20.0, heldout_rac=None)])
    found = metric_differences(one, two)
    assert found["what"].tolist() == [
        "unmodified acc",
        "unmodified com",
        "ace: RAC at the best ratio",
        "ace: RCC at the best ratio",
        "ace: RAC, held out",
        "ace: RCC, held out",
    ]
    assert found["difference"].tolist()[:4] == [0.0, 0.0, -10.0, 0.0]
    assert np.isnan(found["difference"][4])
    assert found["K"].tolist()[2:] == [4] * 4


def test_overlaps_count_what_both_sets_have():
    found = set_overlaps(ONE, TWO, (1, 2))
    assert found.drop(columns="jaccard").values.tolist() == [
        [1, "good", 1, 1, 0],
        [1, "bad", 1, 1, 1],
        [2, "good", 2, 2, 1],
        [2, "bad", 2, 1, 1],
    ]
    assert found["jaccard"].tolist() == pytest.approx([0, 1, 1 / 3, 1 / 2])


def test_neurons_of_models_of_other_sizes_are_not_compared():
    with pytest.raises(ConfigError, match="models with"):
        set_overlaps(ONE, ranking([(0, 1)], [1.0], n_neurons=9), (1,))


def test_the_whole_ranking_becomes_a_table():
    found = neuron_frame({"ace": ONE})
    assert found["id"].tolist() == ["0.1", "0.2", "1.4", "1.3"]
    assert found["role"].tolist() == ["good", "good", "bad", "bad"]
    assert found["rank"].tolist() == [1, 2, 1, 2]
    assert set(found["method"]) == {"ace"}


def test_the_grid_becomes_a_table_with_a_column_a_letter_and_an_end():
    found = grid_frame(rows.evaluation([rows.grid_row(4, 0.5, interval=None)], [rows.random_row(4, 0.5)]))
    assert found["source"].tolist() == ["ace", "random+"]
    assert found["letter_A"].tolist() == [0.25, 0.25]
    assert found["rac_interval_low"].isna().tolist() == [True, False]
    assert found["n_seeds"].isna().tolist() == [True, False]


def test_settings_are_said_without_the_programming_languages_forms():
    one = RunConfig("ner", evaluation=EvaluationConfig(examples=4))
    use = SetUse("set.json", "mine", k=5, ratios={"enhancer": 0.5, "degrader": 0.3})
    prompt = PromptConfig(role="")
    two = RunConfig("ner", ModelSpec(device_map="auto"), prompt=prompt, evaluation=EvaluationConfig(4), sets=(use,))
    said = config_differences(one, two).set_index("setting")
    assert said.loc["model.device_map"].tolist() == ["not set", "auto"]
    assert said.loc["sets"].tolist() == ["none", "mine (K = 5; ratios: enhancer 0.5, degrader 0.3)"]
    assert said.loc["prompt.role"].tolist() == ["not set", "(empty)"]
    assert not said.stack().str.contains(r"None|True|False|SetUse|\['", regex=True).any()
