"""The paper's tables from hand-made probabilities, every expected number typed out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.analysis.entries import best_entry, change_text, frame, with_averages
from neuron_core.analysis.tables import (
    ablation_table,
    as_printed,
    baseline_table,
    budget_table,
    enabled_table,
    methods_table,
    parts_table,
    set_table,
)
from neuron_core.errors import ConfigError
from tests.analysis.answers import NER, NER_ACE, SENTIMENT, SENTIMENT_ACE, evaluated
from tests.figures import rows

EVALUATIONS = {"ner": evaluated(NER, NER_ACE), "sentiment": evaluated(SENTIMENT, SENTIMENT_ACE)}
UNDEFINED = None


def entry(table, **where):
    """The one row with these values, NaN as None."""
    found = table
    for name, value in where.items():
        found = found[found[name] == value]
    (row,) = found.to_dict("records")
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def changes(table, **where):
    row = entry(table, **where)
    return [value if value is None else round(value, 2) for value in (row["rac"], row["rcc"])], row["verdict"]


def test_table_1_has_the_best_ratio_of_every_task_and_the_mean_of_signed_values():
    table = methods_table(EVALUATIONS, 2, ["ace"])
    assert len(table) == 6
    assert changes(table, task="ner", direction="enhancer") == ([50.0, 50.0], "ok")
    assert changes(table, task="ner", direction="degrader") == ([66.67, 100.0], "ok")
    assert changes(table, task="sentiment", direction="enhancer") == ([100.0, UNDEFINED], "undefined")
    assert changes(table, task="sentiment", direction="degrader") == ([66.67, UNDEFINED], "undefined")
    # RCC is undefined on sentiment: left out of the mean and counted.
    assert changes(table, task="average", direction="enhancer") == ([75.0, 50.0], "ok")
    assert changes(table, task="average", direction="degrader") == ([66.67, 100.0], "ok")
    average = entry(table, task="average", direction="enhancer")
    assert (average["n_tasks"], average["n_undefined"]) == (2, 1)
    assert entry(table, task="ner", direction="enhancer")["ratio"] == 0.5


def test_held_out_values_and_intervals_stand_beside_the_optimistic_ones():
    one = replace(rows.best(10, heldout_rac=12.0), source="ace")
    table = frame([best_entry("ner", one)])
    row = table.to_dict("records")[0]
    assert (row["method"], row["k"], row["ratio"], row["part"]) == ("ace", 10, 0.4, "both")
    assert (row["rac"], row["rac_low"], row["rac_high"]) == (30.0, 20.0, 45.0)
    assert (row["rcc"], row["rcc_low"], row["rcc_high"]) == (5.0, 1.0, 9.0)
    assert (row["heldout_rac"], row["heldout_rac_low"], row["heldout_rac_high"]) == (12.0, 2.0, 22.0)
    assert (row["heldout_rcc"], row["heldout_rcc_low"], row["heldout_rcc_high"]) == (1.0, -3.0, 4.0)


def test_an_average_is_of_signed_values_and_fails_when_it_is_negative():
    up = replace(rows.best(10), source="ace", rac=8.0, rcc=3.0, heldout_rac=2.0, heldout_rcc=1.0)
    down = replace(up, rac=-20.0, rcc=1.0, heldout_rac=-6.0, heldout_rcc=None, verdict="fail")
    table = frame(with_averages([best_entry("ner", up), best_entry("sentiment", down)]))
    average = entry(table, task="average")
    assert (average["rac"], average["rcc"], average["verdict"]) == (-6.0, 2.0, "fail")
    assert (average["heldout_rac"], average["heldout_rcc"]) == (-2.0, 1.0)
    assert average["n_undefined"] == 0
    assert average["rac_low"] is None


def test_a_mean_over_tasks_that_are_all_undefined_is_undefined():
    none = replace(rows.best(10), source="ace", rac=None, rcc=None, verdict="undefined")
    average = with_averages([best_entry("a", none), best_entry("b", none)])[-1]
    assert (average.rac, average.rcc, average.verdict, average.n_undefined) == (None, None, "undefined", 2)


def test_table_6_and_3_split_good_bad_and_both_at_the_same_budget():
    table = ablation_table(EVALUATIONS, 2, ["ace"])
    assert changes(table, task="ner", part="good", direction="enhancer") == ([-16.67, -50.0], "fail")
    assert changes(table, task="ner", part="bad", direction="enhancer") == ([16.67, 0.0], "ok")
    assert changes(table, task="ner", part="both", direction="enhancer") == ([50.0, 50.0], "ok")
    assert changes(table, task="ner", part="good", direction="degrader") == ([-16.67, 0.0], "fail")
    assert changes(table, task="sentiment", part="good", direction="enhancer") == ([-66.67, UNDEFINED], "undefined")
    assert changes(table, task="average", part="good", direction="enhancer") == ([-41.67, -50.0], "fail")
    assert changes(table, task="average", part="bad", direction="degrader") == ([8.33, 0.0], "ok")
    fixed = entry(table, task="ner", part="bad", direction="enhancer")
    assert (fixed["heldout_rac"], fixed["ratio"]) == (fixed["rac"], 0.0)
    assert parts_table(EVALUATIONS, 2).equals(table)


def test_table_2_sets_rivals_beside_themselves_with_bad_neurons():
    cells = {
        ("tn", 2, 1.0): ([3, 2, 1, 0], [3, 1, 1, 0]),  # 6, 2 and 5, 1
        ("tn+", 2, 0.0): ([3, 2, 2, 1], [3, 2, 1, 0]),  # 8, 3 and 6, 2
        ("tn+", 2, 1.0): ([3, 2, 1, 0], [3, 1, 1, 0]),
        ("qrnca", 2, 1.0): ([2, 2, 1, 0], [3, 3, 1, 0]),  # 5, 2 and 7, 2
        ("qrnca+", 2, 0.0): ([3, 2, 1, 3], [0, 0, 0, 0]),  # 9, 3 and 0, 0
        ("qrnca+", 2, 1.0): ([2, 2, 1, 0], [3, 3, 1, 0]),
    }
    table = enabled_table({"ner": evaluated(NER, cells)}, 2)
    expected = {
        ("tn", "enhancer"): ([0.0, 0.0], "ok"),
        ("tn", "degrader"): ([16.67, 50.0], "ok"),
        ("tn+", "enhancer"): ([33.33, 50.0], "ok"),
        ("tn+", "degrader"): ([16.67, 50.0], "ok"),
        ("qrnca", "enhancer"): ([-16.67, 0.0], "fail"),
        ("qrnca", "degrader"): ([-16.67, 0.0], "fail"),
        ("qrnca+", "enhancer"): ([50.0, 50.0], "ok"),
        ("qrnca+", "degrader"): ([100.0, 100.0], "ok"),
    }
    for (method, direction), said in expected.items():
        assert changes(table, method=method, direction=direction, task="average") == said
    assert set(table[table["method"].isin(["tn", "qrnca"])]["part"]) == {"good"}
    assert set(table[table["method"].isin(["tn+", "qrnca+"])]["part"]) == {"both"}


def test_table_7_goes_over_budgets_and_table_5_over_one_named_set():
    cells = {
        ("ace", 2, 0.5): ([3, 3, 2, 1], [1, 1, 0, 0]),
        ("ace", 4, 0.5): ([3, 2, 1, 0], [0, 0, 0, 0]),
        ("common", 4, 0.5): ([3, 3, 1, 0], [2, 2, 1, 0]),
    }
    found = {"ner": evaluated(NER, cells)}
    table = budget_table(found, [2, 4], ["ace"])
    assert changes(table, k=2, task="ner", direction="degrader") == ([66.67, 100.0], "ok")
    assert changes(table, k=4, task="ner", direction="degrader") == ([100.0, 100.0], "ok")
    assert changes(table, k=4, task="ner", direction="enhancer") == ([0.0, 0.0], "ok")
    common = set_table(found, 4, "common")
    assert changes(common, task="ner", direction="enhancer") == ([16.67, 0.0], "ok")
    assert changes(common, task="average", direction="degrader") == ([16.67, 0.0], "ok")


def test_table_4_has_the_baselines_in_percent():
    table = baseline_table({task: one.baseline for task, one in EVALUATIONS.items()})
    assert table[["task", "acc", "com", "n_examples", "n_questions"]].to_dict("records") == [
        {"task": "ner", "acc": 50.0, "com": 50.0, "n_examples": 4, "n_questions": 12},
        {"task": "sentiment", "acc": 25.0, "com": 0.0, "n_examples": 4, "n_questions": 12},
    ]
    assert table["competent"].tolist() == [False, False]
    assert table["complaint"].str.contains("accuracy").all()


def test_random_sets_have_the_range_over_seeds_as_their_interval():
    uniform = replace(rows.random_row(10, 1.0), source="random", rac=0.5, rac_interval=(-1.0, 2.0), rcc=1.5)
    chosen = (rows.random_best(10), replace(rows.random_best(10, "degrader"), rac=None))
    found = rows.evaluation(random=[uniform, replace(uniform, direction="degrader")], random_chosen=chosen)
    table = methods_table({"ner": found}, 10, ["random", "random+"])
    one = entry(table, method="random", task="ner", direction="enhancer")
    assert (one["rac"], one["rac_low"], one["rac_high"], one["heldout_rac"]) == (0.5, -1.0, 2.0, 0.5)
    null = entry(table, method="random+", task="ner", direction="enhancer")
    assert (null["rac"], null["rac_low"], null["rac_high"]) == (3.0, 1.0, 6.0)
    assert (null["heldout_rac"], null["heldout_rcc_high"]) == (-1.0, 6.0)
    assert entry(table, method="random+", task="ner", direction="degrader")["verdict"] == "undefined"


def test_a_method_that_was_not_evaluated_is_named():
    with pytest.raises(ConfigError, match="tn with K = 2, enhancer, was not evaluated on ner"):
        methods_table(EVALUATIONS, 2, ["ace", "tn"])
    with pytest.raises(ConfigError, match="random with K = 2"):
        methods_table(EVALUATIONS, 2, ["random"])
    only_one_ratio = {"ner": evaluated(NER, {("ace", 2, 0.5): NER_ACE["ace", 2, 0.5]})}
    with pytest.raises(ConfigError, match="K = 2, ratio 1, enhancer"):
        parts_table(only_one_ratio, 2)


def test_entries_are_printed_as_the_paper_prints_them_with_fail_and_undefined_in_words():
    printed = as_printed(ablation_table(EVALUATIONS, 2, ["ace"]), ("method", "part"))
    assert printed.columns.tolist() == [
        "method",
        "part",
        "ner Deg",
        "ner Enh",
        "sentiment Deg",
        "sentiment Enh",
        "average Deg",
        "average Enh",
    ]
    assert printed["part"].tolist() == ["good", "bad", "both"]
    assert printed["ner Enh"].tolist() == ["Fail (-16.7/-50.0)", "16.7/0.0", "50.0/50.0"]
    assert printed["sentiment Enh"].tolist()[2] == "undefined (RAC 100.0)"
    assert as_printed(methods_table(EVALUATIONS, 2, ["ace"]))["ner Deg"].tolist() == ["66.7/100.0"]


def test_a_change_in_words():
    assert change_text(53.34, 64.0) == "53.3/64.0"
    assert change_text(0.0, -0.04) == "Fail (0.0/0.0)"
    assert change_text(-3.0, 12.0) == "Fail (-3.0/12.0)"
    assert change_text(None, None) == "undefined"
    assert change_text(float("nan"), 2.0) == "undefined (RCC 2.0)"
    assert np.isnan(frame([]).to_numpy(dtype=float)).sum() == 0
