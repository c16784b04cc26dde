import re

import pytest

from neuron_core.analysis.layers import neuron_rows
from neuron_core.control.metrics import question_rows
from neuron_core.runs.results import cell_of, read_evaluated
from pages.shared.frame import session
from pages.shared.views.words import effect_badge
from tests.pages.conftest import banners, faults, figures, texts
from tests.run_helpers import revalue

RESULTS = ("attribution", "layers", "control", "question")


@pytest.mark.parametrize("page", ["start", "questions", "neuron", "playground", *RESULTS])
def test_a_page_with_a_finished_run_opens_without_a_fault(open_page, full, page):
    app = open_page(page)
    assert faults(app) == []
    assert app.query_params["run"] == full.id
    assert not re.search(r"\b1 (good |bad |random )?(neurons|questions|examples|sets|rounds|tokens)\b", texts(app))


@pytest.mark.parametrize("page", RESULTS)
def test_a_result_says_what_it_was_made_from(open_page, full, page):
    app = open_page(page)
    said = texts(app).replace("\\", "")
    # The id is in a tooltip of the line that names the run.
    assert any(full.id in caption.proto.help and "mood" in caption.value for caption in app.caption)
    for part in (
        "llama",
        "float32 on cpu",
        "NeuronLLM (ACE)",
        "m\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4",
        "K\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}",
        "position\N{NO-BREAK SPACE}last",
        "seed 3",
    ):
        assert part in said


@pytest.mark.parametrize("page", RESULTS)
def test_the_banner_warns_of_a_model_at_chance(open_page, full, page):
    complaint = full.evaluation().baseline.complaint
    app = open_page(page)
    (banner,) = banners(app)
    assert banner.startswith("This model does not do this task here. ")
    assert complaint in banner
    assert "Its neurons say nothing about the task" in banner


@pytest.mark.parametrize("page", RESULTS)
def test_a_model_that_does_the_task_gets_no_banner(open_page, competent, page):
    app = open_page(page)
    assert banners(app) == []
    assert "accuracy 90%" in texts(app)


@pytest.mark.parametrize("page", RESULTS)
def test_a_dozen_attribution_questions_give_a_doubt_and_no_verdict(open_page, attributed, page):
    app = open_page(page)
    assert "on 12 attribution questions" in texts(app)
    (banner,) = banners(app)
    assert banner.startswith("This model may not do this task. ")
    assert "This rests on 12 questions; run an evaluation to be sure." in banner


def test_questions_warn_when_the_shown_run_measured_this_task_with_this_model(open_page, full):
    spec = full.config().model
    chosen = {"task": full.config().task, "model_source": spec.source, "model_device": spec.device}
    (banner,) = banners(open_page("questions", chosen))
    assert banner.startswith("This model does not do this task here. ")
    assert banners(open_page("questions", {**chosen, "model_device": "auto"})) == []
    assert banners(open_page("questions", {**chosen, "task": "sentiment"})) == []


def test_attribution_lists_good_and_bad_neurons_with_their_checks(open_page, full):
    app = open_page("attribution")
    ranking = full.ranking()
    cut = ranking.cut(10)
    good, bad = (table.value for table in app.dataframe)
    assert good["id"].tolist() == [f"{layer}.{index}" for layer, index in cut.good.tolist()]
    assert bad["score"].tolist() == pytest.approx(cut.bad_scores.tolist())
    shown = {card.label: card.value for card in app.metric}
    assert shown["K"] == "10"
    assert shown["z"] == "24"
    assert shown["Ambiguous neurons"] == str(ranking.n_ambiguous)
    assert len(figures(app)[0]["data"][0]["x"]) == 4
    assert [button.label for button in app.download_button].count("Parquet") == 2


def test_fewer_neurons_than_k_are_said(open_page, full):
    setting = full.setting()
    full.save_setting(type(setting)(**{**vars(setting), "k": 5000}))
    app = open_page("attribution")
    there = int((full.ranking().scores > 0).sum())
    assert f"Only {there} good neurons can be shown; K is 5000." in [box.value for box in app.info]


def test_a_run_can_be_copied_as_command_and_as_python(open_page, full):
    codes = [block.value for block in open_page("attribution").code]
    assert any(code.startswith("python -m neuron_core attribute --task ") for code in codes)
    assert any("evaluate --run my-run --k 4,10" in code for code in codes)
    assert any("AttributionConfig(steps=4" in code for code in codes)


def test_k_changes_map_and_table(open_page, full):
    app = open_page("layers")
    rows = neuron_rows(full.ranking().cut(10))
    assert app.dataframe[0].value["id"].tolist() == [row.id for row in rows]
    app.number_input(key="layers_k").set_value(3).run()
    assert app.dataframe[0].value["id"].tolist() == [row.id for row in neuron_rows(full.ranking().cut(3))]
    counts = figures(app)[0]["data"][0]["text"]
    assert sum(int(cell) for row in counts for cell in row if cell) == 6


def test_layer_and_role_filter_the_table(open_page, full):
    app = open_page("layers")
    rows = neuron_rows(full.ranking().cut(10))
    app.selectbox(key="layer").set_value(rows[0].layer).run()
    app.segmented_control(key="role").set_value("good").run()
    wanted = [row.id for row in rows if row.layer == rows[0].layer and row.role == "good"]
    assert app.dataframe[0].value["id"].tolist() == wanted
    assert wanted


def test_go_to_a_neuron_puts_its_row_first(open_page, full):
    app = open_page("layers")
    last = neuron_rows(full.ranking().cut(10))[-1]
    app.text_input(key="neuron").set_value(last.id).run()
    assert app.dataframe[0].value["id"].tolist()[0] == last.id
    assert f"number {last.rank} of the bad neurons" in app.info[0].value


def test_a_link_to_a_neuron_puts_its_row_first(open_page, full):
    last = neuron_rows(full.ranking().cut(10))[-1]
    app = open_page("layers", run=full.id, neuron=last.id)
    assert app.dataframe[0].value["id"].tolist()[0] == last.id


def test_go_to_something_that_is_no_neuron_says_what_would_be_one(open_page, full):
    app = open_page("layers")
    app.text_input(key="neuron").set_value("the third").run()
    assert len(app.error) == 1
    assert "12" in app.error[0].value


@pytest.mark.parametrize("direction", ["enhancer", "degrader"])
def test_control_opens_at_the_best_ratio_and_shows_the_held_out_value_beside_it(open_page, full, direction):
    app = open_page("control")
    # What shows most: the largest budget, and taking away.
    assert (app.selectbox(key="control_k").value, app.segmented_control(key="direction").value) == (10, "degrader")
    app.segmented_control(key="direction").set_value(direction).run()
    best = next(one for one in full.evaluation().best if (one.k, one.direction) == (10, direction))
    assert app.select_slider[0].value == best.ratio
    shown = {card.label: card.value for card in app.metric}
    assert shown["RAC, held out"].startswith(f"{best.heldout_rac:+.1f}".replace("-", "−"))
    assert "(optimistic)" in texts(app)


def test_the_ratio_changes_the_cards(open_page, full):
    app = open_page("control")
    app.segmented_control(key="direction").set_value("enhancer").run()
    app.select_slider[0].set_value(0.3).run()
    cell = cell_of(full.evaluation(), 10, 0.3, "enhancer")
    assert cell.row.rac != 0
    shown = {card.label: card.value for card in app.metric}
    assert shown["RAC at ratio 0.3"].startswith(f"{cell.row.rac:+.1f}".replace("-", "−"))
    said = texts(app)
    assert f"{cell.row.n_good} good and {cell.row.n_bad} bad neurons" in said
    assert effect_badge(cell) in said


def test_curves_are_drawn_over_ratio_and_over_budget_for_both_measures(open_page, full):
    app = open_page("control")
    titles = set()
    app.segmented_control(key="over").set_value("over the ratio").run()
    for metric in app.segmented_control(key="metric").options:
        for over in app.segmented_control(key="over").options[1:]:
            app.segmented_control(key="metric").set_value(metric)
            app.segmented_control(key="over").set_value(over).run()
            assert faults(app) == []
            layout = figures(app)[0]["layout"]
            titles.add((layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]))
    assert len(titles) == 4


def test_the_table_of_questions_can_be_filtered_by_flip(open_page, full):
    app = open_page("control")
    evaluated = read_evaluated(full)
    ratio = app.select_slider[0].value
    rows = question_rows(evaluated.probabilities, evaluated.plan, evaluated.column(10, ratio, "degrader"))
    assert len(app.dataframe[0].value) == 36
    for flip in ("gained", "lost", "changed"):
        app.segmented_control(key="flips").set_value(flip).run()
        wanted = [row.question_id for row in rows if row.flip == flip]
        assert app.dataframe[0].value["question"].tolist() == wanted


def test_a_link_opens_a_question_with_its_four_bars_before_and_after(open_page, full):
    evaluated = read_evaluated(full)
    wanted = evaluated.probabilities.question_ids[5]
    app = open_page("control", run=full.id)
    app.query_params["q"] = wanted
    app.run()
    assert any(f"question {wanted}" in text.value for text in app.text)
    before, after = next(one for one in figures(app) if one["layout"]["xaxis"]["title"].get("text") == "Option")["data"]
    column = 1 + evaluated.column(10, app.select_slider[0].value, "degrader")
    assert before["y"] == pytest.approx((100 * evaluated.probabilities.values[5, 0]).tolist())
    assert after["y"] == pytest.approx((100 * evaluated.probabilities.values[5, column]).tolist())
    assert evaluated.questions[5].stem in [text.value for text in app.text]
    app.button(key="next_question").click().run()
    assert app.query_params["q"] == evaluated.probabilities.question_ids[6]


def test_a_question_of_another_run_in_the_address_is_an_error(open_page, full):
    app = open_page("control", run=full.id)
    app.query_params["q"] = "nobody#1"
    app.run()
    assert len(app.error) == 1
    assert not app.exception


def test_control_without_an_evaluation_offers_one(open_page, attributed):
    app = open_page("control")
    assert faults(app) == []
    assert app.multiselect(key="evaluation_ks").value == [10, 50, 100]
    assert app.number_input(key="evaluation_examples").value == 35
    assert not app.metric


def test_start_lists_runs_with_their_state(open_page, full):
    app = open_page("start")
    table = app.dataframe[0].value
    assert table["id"].tolist() == [full.id]
    assert table["state"].tolist() == ["finished"]


def test_the_finished_demo_opens_at_once_with_its_date_model_and_command(open_page, finished, monkeypatch):
    monkeypatch.setattr(session, "DEMO_FOLDER", finished.path)
    app = open_page("start")
    assert app.query_params["run"] == session.DEMO
    assert "Made on 20" in texts(app)
    assert "with llama by" in texts(app)
    app.button(key="open_demo").click().run()
    assert faults(app) == []
    assert app.title[0].value == "Overview"


def test_the_finished_demo_can_not_be_evaluated_anew(open_page, finished, monkeypatch):
    monkeypatch.setattr(session, "DEMO_FOLDER", finished.path)
    app = open_page("control")
    assert faults(app) == []
    assert [button.key for button in app.button if button.key == "start_evaluation"] == []


def test_an_evaluation_of_a_single_ratio_needs_no_slider(open_page, full):
    def of_one_ratio(evaluation):
        evaluation["grid"] = [row for row in evaluation["grid"] if row["ratio"] == 0.5]
        for best in evaluation["best"]:
            best["ratio"] = 0.5

    revalue(full.path / "evaluation.json", of_one_ratio)
    app = open_page("control")
    assert faults(app) == []
    assert "Ratio: 0.5, the only one evaluated" in texts(app)
