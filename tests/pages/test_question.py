"""The Question page: Figure 10 for any question of a run."""

import pytest

from neuron_core.control.letter_free import option_scores
from neuron_core.control.metrics import question_rows
from neuron_core.runs.results import read_evaluated
from tests.pages.conftest import faults, figures, texts


def open_question(open_page, run, question):
    """The page as a link to one question opens it."""
    app = open_page("question", run=run.id)
    app.query_params["q"] = question
    return app.run()


def test_a_link_opens_a_question_before_and_under_both_directions(open_page, full):
    evaluated = read_evaluated(full)
    wanted = evaluated.probabilities.question_ids[4]
    app = open_question(open_page, full, wanted)
    assert faults(app) == []
    assert app.selectbox(key="question").value == wanted
    bars = figures(app)[1]["data"]
    assert bars[0]["y"] == pytest.approx((100 * evaluated.probabilities.values[4, 0]).tolist())
    best = next(b for b in full.evaluation().best if (b.k, b.direction) == (10, "enhancer"))
    column = 1 + evaluated.column(10, best.ratio, "enhancer")
    assert bars[1]["y"] == pytest.approx((100 * evaluated.probabilities.values[4, column]).tolist())
    table = app.dataframe[0].value
    assert table["direction"].tolist() == ["", "enhancer", "degrader", "enhancer", "degrader"]
    assert table["sets"].tolist() == [1, 1, 1, 2, 2]


def test_one_ratio_for_all_changes_the_bars(open_page, full):
    evaluated = read_evaluated(full)
    app = open_question(open_page, full, evaluated.probabilities.question_ids[0])
    app.segmented_control(key="question_ratio_mode").set_value("one for all").run()
    app.select_slider(key="question_ratio").set_value(0.3).run()
    assert set(app.dataframe[0].value["ratio"].dropna()) == {0.3}
    column = 1 + evaluated.column(10, 0.3, "enhancer")
    assert figures(app)[1]["data"][1]["y"] == pytest.approx((100 * evaluated.probabilities.values[0, column]).tolist())


def test_good_and_bad_neurons_alone_are_ratios_one_and_zero_of_the_first_source(open_page, full):
    evaluated = read_evaluated(full)
    app = open_question(open_page, full, evaluated.probabilities.question_ids[0])
    app.toggle(key="question_parts").set_value(True).run()
    assert faults(app) == []
    table = app.dataframe[0].value.set_index(["neurons", "direction"])
    for part, ratio in (("good", 1.0), ("bad", 0.0)):
        for direction in ("enhancer", "degrader"):
            row = table.loc[f"NeuronLLM (ACE), {part} only", direction]
            values = evaluated.probabilities.values[0, 1 + evaluated.column(10, ratio, direction)]
            assert [row[f"P({letter})"] for letter in "ABCD"] == pytest.approx(values.tolist())
    names = [trace["name"] for trace in figures(app)[1]["data"]]
    assert names.count("NeuronLLM (ACE), good only") == names.count("NeuronLLM (ACE), bad only") == 2


def test_next_and_previous_have_keys_and_write_the_address(open_page, full):
    ids = read_evaluated(full).probabilities.question_ids
    app = open_question(open_page, full, ids[0])
    keys = {
        button.key: button.proto.shortcut
        for button in app.button
        if button.key in ("next_question", "previous_question")
    }
    assert {name: key.lower() for name, key in keys.items()} == {"next_question": "j", "previous_question": "k"}
    app.button(key="next_question").click().run()
    assert app.query_params["q"] == [ids[1]] or app.query_params["q"] == ids[1]
    app.button(key="previous_question").click().run()
    app.button(key="previous_question").click().run()
    assert app.selectbox(key="question").value == ids[-1]


def test_the_three_proxies_of_the_example_stand_side_by_side(open_page, full):
    evaluated = read_evaluated(full)
    app = open_question(open_page, full, evaluated.probabilities.question_ids[0])
    first = [q for q in evaluated.questions if q.example_id == evaluated.questions[0].example_id]
    assert len(first) == 3
    said = texts(app)
    for question in first:
        assert f"correct: **{'ABCD'[question.target]}**" in said
    assert said.count("Unmodified: **") == 3


def test_a_question_that_the_run_has_not_is_an_error_and_not_another_one_in_silence(open_page, full):
    app = open_question(open_page, full, "nobody#1")
    assert len(app.error) == 1
    assert not app.exception
    assert figures(app) == []


def test_the_page_opens_at_the_question_that_changes_most(open_page, full):
    evaluated, direction = read_evaluated(full), "degrader"
    best = next(b for b in full.evaluation().best if (b.k, b.direction) == (10, direction))
    column = evaluated.column(10, best.ratio, direction)
    rows = question_rows(evaluated.probabilities, evaluated.plan, column)
    lost = [row for row in rows if row.flip == "lost"] or rows
    wanted = min(lost, key=lambda row: row.p_correct_after - row.p_correct_before)
    app = open_page("question")
    assert app.selectbox(key="question").value == wanted.question_id
    strip = figures(app)[0]["data"]
    # Marks of the legend stand nowhere.
    assert sum(len(trace["x"]) for trace in strip if trace["x"] != [None]) == len(rows) + 1
    assert strip[-1]["x"] == [1 + [row.question_id for row in rows].index(wanted.question_id)]


def test_options_by_content_stand_beside_options_by_letter(open_page, full):
    evaluated = read_evaluated(full)
    app = open_question(open_page, full, evaluated.probabilities.question_ids[3])
    before, after = figures(app)[2]["data"]
    assert sum(before["y"]) == pytest.approx(0, abs=1e-9)
    scores = option_scores(evaluated.probabilities, [0])
    assert scores is not None
    place = evaluated.probabilities.examples[3]
    own = scores[place, 0] - scores[place, 0].mean()
    assert before["y"] == pytest.approx(own.tolist())
    assert len(after["y"]) == 4


def test_a_run_without_an_evaluation_is_sent_to_control(open_page, attributed):
    app = open_page("question")
    assert faults(app) == []
    assert "control" in [link.proto.page for link in app.get("page_link")]
