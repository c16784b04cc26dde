"""Editing the wording: what the Questions page shows, and what the next run takes."""

from dataclasses import replace

import pytest

from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.config import config_to_json
from neuron_core.service.handle import EngineHandle
from pages.shared.inputs import wording
from tests.pages.conftest import faults, texts

CHOICE = "pages.shared.inputs.example_choice"


def key(name, task="sentiment"):
    return f"wording_{name}@{task}"


@pytest.fixture
def submitted(monkeypatch):
    """Configs of runs that the app would have started."""
    configs = []

    def submit(self, config, cluster=None):
        configs.append(config)
        return self.store.create(config).id

    monkeypatch.setattr(EngineHandle, "submit", submit)
    return configs


def start(app):
    """The run that the Attribution page starts now."""
    app.switch_page("pages/attribution.py").run()
    app.button(key="start").click().run()
    return app


def test_the_usual_wording_is_shown_in_full_and_is_no_setting_of_the_run(open_page, submitted):
    app = open_page("questions")
    assert app.text_input(key=key("role")).value == "You are an expert in sentiment analysis."
    assert app.text_area(key=key("rule")).value.startswith("Read the question and the four options.")
    assert app.text_area(key=key("stem")).value == "What is the overall sentiment of this text?\nText: {text}"
    assert app.button(key="reset_wording").disabled
    assert faults(start(app)) == []
    assert submitted[0].prompt == USUAL


def test_what_is_edited_is_previewed_and_taken_by_the_next_run(open_page, submitted):
    app = open_page("questions")
    app.text_input(key=key("role")).set_value("You hear moods.")
    app.text_area(key=key("rule")).set_value("")
    app.text_area(key=key("stem")).set_value("How does this sound: {text}")
    app.selectbox(key=key("letter")).set_value("C").run()
    assert faults(app) == []
    lines = app.code[0].value.splitlines()
    assert lines[:2] == ["You hear moods.", ""]
    assert lines[2].startswith("Question: How does this sound: ")
    assert lines[7:9] == ["Answer: C", ""]
    assert faults(start(app)) == []
    wanted = PromptConfig(role="You hear moods.", rule="", stem="How does this sound: {text}", letter="C")
    assert submitted[0].prompt == wanted
    assert "The role, rule, stem, letter of the demonstration were changed on the Questions page." in texts(app)
    back = app.switch_page("pages/questions.py").run()
    assert back.text_input(key=key("role")).value == "You hear moods."
    assert back.code[0].value.startswith("You hear moods.\n\nQuestion: How does this sound: ")


def test_reset_brings_the_usual_wording_back(open_page, submitted):
    app = open_page("questions")
    usual = app.code[0].value
    app.text_input(key=key("role")).set_value("You hear moods.").run()
    app.selectbox(key=key("demonstration")).set_value("none").run()
    assert app.code[0].value != usual
    app.button(key="reset_wording").click().run()
    assert app.code[0].value == usual
    assert app.text_input(key=key("role")).value == "You are an expert in sentiment analysis."
    assert faults(start(app)) == []
    assert submitted[0].prompt == USUAL


def test_a_stem_that_does_not_fit_gives_one_box_beside_its_editor_and_starts_no_run(open_page, submitted):
    app = open_page("questions")
    app.text_area(key=key("stem")).set_value("What of {sentence}?").run()
    assert len(app.error) == 1
    assert not app.exception
    assert "unknown field" in app.error[0].value
    assert r"\{text\}" in app.error[0].value
    assert app.text_area(key=key("stem")).value == "What of {sentence}?"
    start(app)
    assert len(app.error) == 1
    assert submitted == []
    app.switch_page("pages/questions.py").run()
    app.button(key="reset_wording").click().run()
    assert faults(app) == []


def test_the_example_shown_can_be_made_the_demonstration(open_page, submitted):
    app = open_page("questions")
    stem = app.code[0].value.split("\n\n")[2].splitlines()[1]
    app.button(key="make_demonstration").click().run()
    assert faults(app) == []
    assert app.code[0].value.split("\n\n")[1].splitlines()[1] == stem
    assert app.code[0].value.split("\n\n")[2].splitlines()[1] != stem
    start(app)
    assert submitted[0].prompt.demonstration == app.session_state[key("demonstration")] != "seed"


def test_every_task_has_a_wording_of_its_own(open_page, submitted):
    app = open_page("questions")
    app.text_input(key=key("role")).set_value("You hear moods.").run()
    app.sidebar.selectbox(key="task").set_value("ner").run()
    assert faults(app) == []
    assert app.text_input(key=key("role", "ner")).value == "You are an expert in named entity recognition."
    start(app)
    assert submitted[0].prompt == USUAL
    app.switch_page("pages/questions.py").run()
    app.sidebar.selectbox(key="task").set_value("sentiment").run()
    assert app.text_input(key=key("role")).value == "You hear moods."


def test_the_wording_of_the_run_shown_can_be_taken(open_page, full):
    app = open_page("questions", {"task": full.config().task})
    name = key("role", full.config().task)
    assert not [button for button in app.button if button.key == "wording_of_run"]
    app.text_input(key=name).set_value("You hear moods.").run()
    app.button(key="wording_of_run").click().run()
    assert faults(app) == []
    assert app.text_input(key=name).value == "You are an expert in sentiment analysis."


def test_a_result_says_that_its_prompts_were_worded_otherwise(open_page, full):
    assert "changed" not in texts(open_page("layers"))
    path = full.path / "config.json"
    path.write_text(config_to_json(replace(full.config(), prompt=PromptConfig(role="You hear moods.", letter="B"))))
    assert "role, letter of the demonstration changed" in texts(open_page("layers"))


def test_a_chat_prompt_is_shown_whole_once_the_template_is_known(open_page, monkeypatch):
    app = open_page("questions")
    message = app.code[0].value
    app.selectbox(key=key("template")).set_value("chat").run()
    assert faults(app) == []
    assert "The next token, after a space, is the answer." not in texts(app)
    assert app.code[0].value == message
    assert "known once the model has been loaded" in app.info[0].value
    assert not [button for button in app.download_button if button.key == "all_questions_csv"]
    known = ChatTemplate("<|user|>\n", "\n<|assistant|>\n")
    monkeypatch.setattr(f"{CHOICE}.facts_from_runs", lambda *_: type("Facts", (), {"chat": known}))
    app.run()
    assert app.code[0].value == f"<|user|>\n{message}\n<|assistant|>"
    assert "The next token, in the line after, is the answer." in texts(app)
    assert [button.label for button in app.download_button][-2:] == ["JSONL", "CSV"]


def test_a_model_without_a_chat_template_gives_one_box(open_page, monkeypatch):
    none = ChatTemplate(problem="the model's tokenizer has no chat template")
    monkeypatch.setattr(f"{CHOICE}.facts_from_runs", lambda *_: type("Facts", (), {"chat": none}))
    app = open_page("questions")
    app.selectbox(key=key("template")).set_value("chat").run()
    assert len(app.error) == 1
    assert "has no chat template" in app.error[0].value


def test_a_source_of_wrong_options_that_the_file_lacks_gives_one_box(open_page):
    app = open_page("questions")
    for source in ("file", "column"):
        app.selectbox(key=key("distractors")).set_value(source).run()
        assert len(app.error) == 1
        assert not app.exception
        assert "sentiment" in app.error[0].value


def test_all_settings_have_a_widget_and_a_name_in_words():
    from pages.shared.views.words import SETTINGS

    assert tuple(SETTINGS) == wording.NAMES


@pytest.mark.parametrize("name", ["config.json", "setting.json", "status.json", "baseline.json", "plan.json"])
@pytest.mark.parametrize("page", ["start", "data", "questions"])
def test_pages_about_the_next_run_work_beside_a_damaged_one(open_page, full, page, name):
    (full.path / name).write_bytes(b"{")
    app = open_page(page, run=full.id)
    assert faults(app) == []
