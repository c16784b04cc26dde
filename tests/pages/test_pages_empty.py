import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test

from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.tasks.load import load_task
from tests.builders import write_jsonl
from tests.pages.conftest import APP, faults, texts

PAGES = (
    "start",
    "data",
    "questions",
    "attribution",
    "layers",
    "neuron",
    "control",
    "question",
    "playground",
    "methods",
    "runs",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_any_run_opens_without_a_fault(open_page, page):
    app = open_page(page)
    assert faults(app) == []
    assert app.title[0].value == {"start": "NeuronLLM Explorer"}.get(page, page.capitalize())


@pytest.mark.parametrize("page", ["attribution", "layers", "control", "question", "methods", "runs", "cross_task"])
def test_a_page_without_any_run_says_what_to_do_first_and_links_there(open_page, page):
    app = open_page(page)
    links = [link.proto.page for link in app.get("page_link")]
    assert "start" in links or "" in links, links


def test_the_first_page_that_a_new_server_opens_runs_through_the_frame_too(open_page, monkeypatch):
    app = open_page("start")
    monkeypatch.setattr(app_test, "PagesManager", PagesManager)
    app.switch_page("pages/layers.py").run()
    assert faults(app) == []
    assert app.title[0].value == "Layers"
    assert app.sidebar.selectbox[0].label == "Task of the next run"


def test_app_py_run_as_a_script_shows_the_app(runs):
    app = app_test.AppTest.from_file(str(APP.with_name("app.py")), default_timeout=60).run()
    assert faults(app) == []
    assert app.title[0].value == "NeuronLLM Explorer"
    assert app.sidebar.selectbox[0].label == "Task of the next run"


def test_questions_show_the_exact_prompt_without_a_model(open_page):
    app = open_page("questions")
    task = load_task("sentiment").task
    demonstration = draw(task, 0, 0, 0).demonstration
    first = next(example for example in task.examples if example.id != demonstration.id)
    questions = proxy_questions(first, task, demonstration, 0)
    assert app.code[0].value == questions[0].prompt
    assert [q.options[q.target].letter for q in questions] == [
        one.value[-3] for one in app.markdown if one.value.startswith("**Question ")
    ]
    app.segmented_control(key="proxy").set_value(3).run()
    assert app.code[0].value == questions[2].prompt


def test_next_and_previous_move_through_the_examples_and_stop_at_the_first(open_page):
    app = open_page("questions")
    first = app.code[0].value
    assert app.button(key="previous").disabled
    app.button(key="next").click().run()
    assert app.code[0].value != first
    app.button(key="previous").click().run()
    assert app.code[0].value == first


def test_the_demonstration_letter_is_the_one_chosen(open_page):
    app = open_page("questions")
    for letter in "ABCD":
        app.selectbox(key="wording_letter@sentiment").set_value(letter).run()
        assert f"\nAnswer: {letter}\n" in app.code[0].value


def test_text_of_a_dataset_is_never_markdown(open_page, tmp_path):
    rows = [{"text": f"**loud** <img src=x> {i}", "label": ["up", "down", "flat", "odd"][i % 4]} for i in range(9)]
    app = open_page("questions", {"task": str(write_jsonl(tmp_path / "loud.jsonl", rows))})
    assert faults(app) == []
    assert any("<img src=x>" in one.value for one in app.text)
    assert all("<img" not in one.value for kind in ("markdown", "caption", "subheader") for one in getattr(app, kind))


def test_a_task_that_is_none_gives_one_error_box_and_no_traceback(open_page):
    app = open_page("questions", {"task": "/nowhere/at_all.jsonl"})
    assert len(app.error) == 1
    assert not app.exception
    assert r"at\_all\.jsonl" in app.error[0].value


def test_a_run_in_the_address_that_does_not_exist_gives_one_error_box(open_page):
    app = open_page("start", run="no-such-run")
    assert len(app.error) == 1
    assert not app.exception
    assert app.query_params["run"] in ("no-such-run", ["no-such-run"])


def test_a_fault_that_nobody_expected_is_short_and_has_no_traceback(open_page, monkeypatch):
    def broken() -> None:
        raise ValueError("a secret")

    monkeypatch.setattr("pages.shared.frame.session.recent_runs", broken)
    app = open_page("start")
    assert not app.exception
    assert all("ValueError" in box.value and "secret" not in box.value for box in app.error)
    assert app.error


def test_attribution_offers_a_form_and_says_what_it_costs_by_arithmetic(open_page):
    app = open_page("attribution")
    assert "15 questions" in texts(app)
    assert "on two processor cores, by arithmetic" in texts(app)
    app.number_input(key="examples").set_value(7).run()
    assert "21 questions" in texts(app)
