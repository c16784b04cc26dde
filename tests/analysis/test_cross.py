"""Cross-task matrices from hand-made answers: one ratio a source, whatever would be best in a cell."""

import numpy as np
import pytest

from neuron_core.analysis.cross import cross_entries, cross_matrix, cross_printed
from neuron_core.errors import ConfigError
from tests.analysis.answers import NER, SENTIMENT, evaluated

SETS = {"ner": "of ner", "sentiment": "of sentiment"}
# On its own task ner's set enhances best at 0 (+50/+50) and degrades best at 1; sentiment's at 1 and at 0.
ON_NER = evaluated(
    NER,
    {
        ("of ner", 2, 0.0): ([3, 3, 2, 1], [3, 2, 1, 0]),  # 9, 3 and 6, 2
        ("of ner", 2, 1.0): ([3, 2, 1, 0], [0, 0, 0, 0]),  # 6, 2 and 0, 0
        ("of sentiment", 2, 0.0): ([3, 3, 3, 3], [3, 3, 1, 0]),  # 12, 4 and 7, 2
        ("of sentiment", 2, 1.0): ([3, 1, 1, 0], [0, 0, 0, 0]),  # 5, 1 and 0, 0
    },
)
ON_SENTIMENT = evaluated(
    SENTIMENT,
    {
        ("of ner", 2, 0.0): ([1, 1, 0, 0], [0, 0, 0, 0]),  # 2 and 0
        ("of ner", 2, 1.0): ([3, 3, 3, 3], [1, 1, 1, 0]),  # 12 and 3
        ("of sentiment", 2, 0.0): ([1, 1, 1, 0], [1, 0, 0, 0]),  # 3 and 1
        ("of sentiment", 2, 1.0): ([1, 1, 1, 1], [1, 1, 1, 0]),  # 4 and 3
    },
)
EVALUATIONS = {"ner": ON_NER, "sentiment": ON_SENTIMENT}
NAN = float("nan")


def close(matrix, expected):
    np.testing.assert_allclose(matrix, expected, atol=0.005)


def test_the_ratio_is_the_best_of_the_source_on_its_own_task_and_never_of_the_cell():
    matrix = cross_matrix(EVALUATIONS, SETS, 2, "enhancer")
    assert matrix.tasks == ("ner", "sentiment")
    assert matrix.ratios == (0.0, 1.0)
    # Row ner, column sentiment at ratio 1: 5 right and 1 comprehended; ratio 0 would give +100/+100.
    close(matrix.rac, [[50.0, -16.67], [-33.33, 33.33]])
    close(matrix.rcc, [[50.0, -50.0], [NAN, NAN]])
    assert matrix.verdicts == (("ok", "fail"), ("undefined", "undefined"))


def test_each_direction_has_its_own_ratios():
    matrix = cross_matrix(EVALUATIONS, SETS, 2, "degrader")
    assert matrix.ratios == (1.0, 0.0)
    close(matrix.rac, [[100.0, -16.67], [0.0, 66.67]])
    close(matrix.rcc, [[100.0, 0.0], [NAN, NAN]])


def test_cells_are_in_words_and_table_8_has_the_sources_down():
    matrix = cross_matrix(EVALUATIONS, SETS, 2, "enhancer")
    assert matrix.words() == [
        ["50.0/50.0", "Fail (-16.7/-50.0)"],
        ["undefined (RAC -33.3)", "undefined (RAC 33.3)"],
    ]
    assert cross_printed(matrix).to_dict("records")[0] == {
        "evaluated on": "ner",
        "ner": "50.0/50.0",
        "sentiment": "Fail (-16.7/-50.0)",
    }
    assert cross_printed(matrix, sources_down=True).to_dict("records")[1] == {
        "neurons of": "sentiment",
        "ner": "Fail (-16.7/-50.0)",
        "sentiment": "undefined (RAC 33.3)",
    }


def test_a_cell_that_was_not_run_is_listed_and_no_number_stands_for_it():
    alone = evaluated(SENTIMENT, {("of sentiment", 2, 1.0): ([1, 1, 1, 1], [1, 1, 1, 0])})
    matrix = cross_matrix({"ner": ON_NER, "sentiment": alone}, SETS, 2, "enhancer")
    assert matrix.missing == (("sentiment", "ner"),)
    assert matrix.verdicts[1] == (None, "undefined")
    assert matrix.words()[1][0] == "not run"
    assert np.isnan(matrix.rac[1, 0])


def test_the_matrix_is_a_table_of_entries_too():
    table = cross_entries(cross_matrix(EVALUATIONS, SETS, 2, "enhancer"))
    found = table[["source", "task", "ratio", "verdict"]].to_dict("records")
    assert found[1] == {"source": "sentiment", "task": "ner", "ratio": 1.0, "verdict": "fail"}
    assert len(table) == 4
    assert set(table["method"]) == {"specific"}


def test_a_source_without_an_evaluation_on_its_own_task_has_no_ratio():
    other = evaluated(SENTIMENT, {("of ner", 2, 0.0): ([1, 1, 0, 0], [0, 0, 0, 0])})
    with pytest.raises(ConfigError, match=r"of sentiment with K = 2, enhancer, was not evaluated on its own task"):
        cross_matrix({"ner": ON_NER, "sentiment": other}, SETS, 2, "enhancer")
    with pytest.raises(ConfigError, match="no evaluation of sentiment"):
        cross_matrix({"ner": ON_NER}, SETS, 2, "enhancer")
