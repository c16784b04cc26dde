"""The Playground: a prompt continued plain and steered."""

import json

import pytest

from neuron_core.analysis.neuron import steering_of
from neuron_core.analysis.writings import differing
from neuron_core.control.interventions import grid
from neuron_core.engine.engine import Engine
from neuron_core.paths import ASSETS
from neuron_core.service.jobs import WritingJob
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.views.results import changed_answer_of
from pages.shared.views.writings import marked
from tests.pages.conftest import faults, figures, texts


def test_a_page_without_any_run_says_what_to_do_first(open_page):
    app = open_page("playground")
    assert faults(app) == []
    assert app.get("page_link")


def test_a_finished_run_offers_its_neurons_and_starts_no_model(open_page, full):
    app = open_page("playground", run=full.id)
    assert faults(app) == []
    known = changed_answer_of(full, "ace")
    wanted = full.setting().evaluation[known.question if known else 0].prompt
    assert app.text_area[0].value == wanted
    assert "good neuron" in texts(app)
    assert engine().worker_pid() is None


def test_an_empty_prompt_is_an_error_box(open_page, full):
    app = open_page("playground", run=full.id)
    app.text_area[0].set_value("  ").run()
    app.button(key="write").click().run()
    (fault,) = faults(app)
    assert "The prompt is empty" in fault.replace("\\", "")


def test_both_texts_and_their_next_tokens_are_those_of_the_engine(open_page, full, tiny_model, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    app = open_page("playground", run=full.id)
    app.text_area[0].set_value("Answer:").run()
    app.number_input(key="playground_tokens").set_value(4).run()
    own = f"{(full.ranking().scores != 0).sum()}_{full.setting().task_fingerprint}"
    app.number_input(key=f"playground_k_{own}").set_value(10).run()
    app.select_slider(key=f"playground_ratio_{own}").set_value(0.5).run()
    app.segmented_control(key=f"playground_direction_{own}").set_value("degrader").run()
    app.button(key="write").click().run()
    one = next(one for one in grid(full.ranking(), [10], [0.5]) if one.direction == "degrader")
    job = WritingJob("Answer:", steering_of(one), 4, model=full.config().model)
    assert engine().jobs.wait(job, 60).failure is None
    app.run()
    assert faults(app) == []
    expected = list(Engine.of(tiny_model("llama")).generate("Answer:", job.steering, n_tokens=4))[-1]
    shown = [markdown.value for markdown in app.markdown]
    assert [said for said in map(marked, differing(expected)) if said not in shown] == []
    plain, steered = figures(app)[0]["data"]
    assert plain["x"] == pytest.approx([100 * one.value for one in expected.plain.next_tokens])
    assert steered["x"] == pytest.approx([100 * one.value for one in expected.steered.next_tokens])
    said = texts(app)
    assert "K = 10" in said.replace("\\", "")
    script = next(code.value for code in app.code if "engine.generate" in code.value)
    assert json.dumps("Answer:").strip('"') in script
    compile(script, "script", "exec")


def test_the_demo_opens_at_a_question_whose_answer_its_neurons_change(open_page, runs, monkeypatch):
    monkeypatch.setattr(session, "DEMO_FOLDER", ASSETS / "demo_run")
    run = session.open_run(session.DEMO)
    known = changed_answer_of(run, next(iter(run.rankings())))
    assert known is not None
    assert known.row.flip == "lost"
    app = open_page("playground", run=session.DEMO)
    assert faults(app) == []
    assert app.text_area[0].value == run.setting().evaluation[known.question].prompt
    said = f"answered {known.row.baseline_letter} by the unmodified model and {known.row.new_letter} with the neurons"
    assert said in texts(app)
    app.text_area[0].set_value("Another prompt").run()
    assert "was answered" not in texts(app)


def test_marked_text_is_shown_as_it_is():
    said = marked((("One *star* ", False), ("<b>two</b>\n\n", True), ("three", True)))
    assert said == "One \\*star\\* :orange-background[\\<b\\>two\\</b\\>]\\\n\\\n:orange-background[three]"
