"""Side effects beside the entries of tables, every expected number typed out."""

import math

from neuron_core.analysis.table_side_effects import has_side_effects, side_effects_printed, with_mean_effects
from neuron_core.analysis.tables import (
    ablation_table,
    as_printed,
    baseline_table,
    budget_table,
    methods_table,
    set_table,
)
from neuron_core.control.results import SideEffect, SideEffects
from tests.analysis.answers import NER, NER_ACE, SENTIMENT, SENTIMENT_ACE, evaluated
from tests.figures import rows

EVALUATIONS = {"ner": evaluated(NER, NER_ACE), "sentiment": evaluated(SENTIMENT, SENTIMENT_ACE)}
# The best ratio of every direction is 0.5 on both tasks.
NER_EFFECTS = SideEffects(
    n_questions=12,
    letter_mass=0.95,
    perplexity=20.0,
    rows=(
        SideEffect("ace", 2, 0.5, "enhancer", 0.9, 22.0),
        SideEffect("ace", 2, 0.5, "degrader", 0.5, 30.0),
        SideEffect("random+-0", 2, 0.5, "enhancer", 0.94, 20.5),
    ),
)
SENTIMENT_EFFECTS = SideEffects(
    n_questions=12,
    letter_mass=0.85,
    perplexity=20.0,
    rows=(
        SideEffect("ace", 2, 0.5, "enhancer", 0.8, 26.0),
        SideEffect("ace", 2, 0.5, "degrader", 0.3, 50.0),
    ),
)
EFFECTS = {"ner": NER_EFFECTS, "sentiment": SENTIMENT_EFFECTS}


def measured(table, **where):
    """Letter mass and perplexity of the one row with these values, then the unmodified model's."""
    for name, value in where.items():
        table = table[table[name] == value]
    (row,) = table.to_dict("records")
    names = ("letter_mass", "perplexity", "unmodified_letter_mass", "unmodified_perplexity")
    return [None if math.isnan(row[name]) else round(row[name], 6) for name in names]


def test_every_entry_has_the_side_effects_of_its_own_best_ratio_and_of_the_unmodified_model():
    table = methods_table(EVALUATIONS, 2, ["ace"], EFFECTS)
    assert measured(table, task="ner", direction="enhancer") == [0.9, 22.0, 0.95, 20.0]
    assert measured(table, task="ner", direction="degrader") == [0.5, 30.0, 0.95, 20.0]
    assert measured(table, task="sentiment", direction="degrader") == [0.3, 50.0, 0.85, 20.0]
    assert measured(table, task="average", direction="enhancer") == [0.85, 24.0, 0.9, 20.0]
    assert measured(table, task="average", direction="degrader") == [0.4, 40.0, 0.9, 20.0]


def test_a_task_without_side_effects_has_none_and_is_left_out_of_the_mean():
    table = methods_table(EVALUATIONS, 2, ["ace"], {"ner": NER_EFFECTS})
    assert measured(table, task="sentiment", direction="enhancer") == [None, None, None, None]
    assert measured(table, task="average", direction="enhancer") == [0.9, 22.0, 0.95, 20.0]
    assert not has_side_effects(methods_table(EVALUATIONS, 2, ["ace"]))


def test_at_position_all_there_is_a_perplexity_and_no_letter_mass():
    effects = SideEffects(12, None, 20.0, (SideEffect("ace", 2, 0.5, "enhancer", None, 22.0),))
    table = methods_table({"ner": EVALUATIONS["ner"]}, 2, ["ace"], {"ner": effects})
    assert measured(table, task="ner", direction="enhancer") == [None, 22.0, None, 20.0]
    assert measured(table, task="ner", direction="degrader") == [None, None, None, 20.0]
    assert side_effects_printed(table)["ner Enh"].tolist() == ["- / 20", "- / 22"]
    assert side_effects_printed(table)["ner Deg"].tolist() == ["- / 20", ""]


def test_a_part_that_is_not_the_best_ratio_was_not_measured():
    table = ablation_table(EVALUATIONS, 2, ["ace"], EFFECTS)
    assert measured(table, task="ner", part="good", direction="enhancer") == [None, None, 0.95, 20.0]
    assert measured(table, task="ner", part="both", direction="enhancer") == [0.9, 22.0, 0.95, 20.0]
    printed = side_effects_printed(table, ("part",))
    assert printed["part"].tolist() == ["unmodified", "good", "bad", "both"]
    assert printed["ner Enh"].tolist() == ["95.0% / 20", "", "", "90.0% / 22"]
    assert printed["average Deg"].tolist() == ["90.0% / 20", "", "", "40.0% / 40"]


def test_random_sets_show_the_one_that_was_measured():
    found = rows.evaluation(random_chosen=(rows.random_best(10), rows.random_best(10, "degrader")))
    effects = SideEffects(12, 0.95, 20.0, (SideEffect("random+-0", 10, 0.4, "enhancer", 0.94, 20.5),))
    table = methods_table({"ner": found}, 10, ["random+"], {"ner": effects})
    assert measured(table, task="ner", direction="enhancer") == [0.94, 20.5, 0.95, 20.0]
    assert measured(table, task="ner", direction="degrader") == [None, None, 0.95, 20.0]


def test_printed_tables_get_columns_of_the_mean_over_tasks():
    table = methods_table(EVALUATIONS, 2, ["ace"], EFFECTS)
    printed = with_mean_effects(as_printed(table), table)
    assert printed.columns.tolist()[-4:] == ["P(A-D) Deg", "P(A-D) Enh", "perplexity Deg", "perplexity Enh"]
    assert printed.iloc[0].tolist()[-4:] == ["40.0%", "85.0%", "40", "24"]
    assert printed["ner Enh"].tolist() == as_printed(table)["ner Enh"].tolist()


def test_other_budgets_and_named_sets_have_their_own():
    cells = {("ace", 2, 0.5): NER_ACE["ace", 2, 0.5], ("ace", 4, 0.5): ([3, 2, 1, 0], [0, 0, 0, 0])}
    effects = SideEffects(
        12,
        0.95,
        20.0,
        (SideEffect("ace", 2, 0.5, "enhancer", 0.9, 22.0), SideEffect("ace", 4, 0.5, "enhancer", 0.7, 33.0)),
    )
    found = {"ner": evaluated(NER, cells)}
    table = budget_table(found, [2, 4], ["ace"], {"ner": effects})
    assert measured(table, task="ner", k=2, direction="enhancer") == [0.9, 22.0, 0.95, 20.0]
    assert measured(table, task="ner", k=4, direction="enhancer") == [0.7, 33.0, 0.95, 20.0]
    printed = side_effects_printed(table, ("k", "method"))
    assert printed["k"].tolist() == ["", "2", "4"]
    assert printed["method"].tolist() == ["unmodified", "ace", "ace"]
    one = set_table(found, 4, "ace", {"ner": effects})
    assert measured(one, task="ner", direction="enhancer") == [0.7, 33.0, 0.95, 20.0]


def test_table_4_has_those_of_the_unmodified_model():
    baselines = {task: one.baseline for task, one in EVALUATIONS.items()}
    table = baseline_table(baselines, {"ner": NER_EFFECTS})
    assert table["letter_mass"].tolist()[0] == 0.95
    assert table["perplexity"].tolist()[0] == 20.0
    assert table[["letter_mass", "perplexity"]].iloc[1].isna().all()
