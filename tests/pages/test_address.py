"""The address: what it names is shown, what it does not know is said, and a reload loses nothing."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from neuron_core.models.presets import PRESETS
from neuron_core.runs.store import Store, default_root
from neuron_core.service.handle import EngineHandle
from pages.shared.inputs.wording import key_of
from tests.pages.conftest import APP, faults, figures, texts


def reloaded(app: AppTest) -> AppTest:
    """What the browser's reload makes of it: a new session at the same address."""
    fresh = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in app.query_params.items():
        fresh.query_params[name] = value
    return fresh.run()


def one(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


@pytest.mark.parametrize("page", ["start", "attribution", "control", "layers", "runs"])
def test_a_run_that_is_not_there_is_said_and_nothing_else_is_shown(open_page, full, page):
    app = open_page(page, run="no-such-run")
    assert len(app.error) == 1
    assert "no-such-run" in app.error[0].value.replace("\\", "")
    assert str(Store().root) not in app.error[0].value.replace("\\", "")
    assert one(app.query_params["run"]) == "no-such-run"
    assert figures(app) == []
    assert len(app.main.dataframe) == 0
    assert app.selectbox(key="shown_run").value is None


def test_an_empty_name_of_a_run_is_none(open_page, full):
    app = open_page("layers", run="")
    assert faults(app) == []
    assert app.selectbox(key="shown_run").value == full.id


def test_another_run_chosen_in_the_sidebar_ends_the_complaint(open_page, full):
    app = open_page("control", run="no-such-run")
    app.selectbox(key="shown_run").set_value(full.id).run()
    assert faults(app) == []
    assert one(app.query_params["run"]) == full.id
    assert len(figures(app)) > 0


def test_a_reload_keeps_task_model_and_wording_of_the_next_run(open_page, full):
    app = open_page("questions", {"task": "chunking"})
    app.text_input(key=key_of("role", "chunking")).set_value("You mark chunks.").run()
    app.selectbox(key="model_dtype").set_value("bfloat16").run()
    fresh = reloaded(app).switch_page("pages/questions.py").run()
    assert faults(fresh) == []
    assert fresh.selectbox(key="task").value == "chunking"
    assert fresh.session_state["model_dtype"] == "bfloat16"
    assert fresh.text_input(key=key_of("role", "chunking")).value == "You mark chunks."
    assert "You mark chunks." in texts(fresh)


def test_a_session_with_usual_settings_keeps_no_draft(open_page, full):
    app = open_page("questions")
    assert "draft" not in app.query_params
    assert not (default_root().absolute().parent / "drafts").exists()


def test_another_tab_of_the_same_address_gets_a_draft_of_its_own(open_page, full):
    app = open_page("questions")
    app.selectbox(key="task").set_value("chunking").run()
    other = reloaded(app)
    other.selectbox(key="task").set_value("ner").run()
    assert one(other.query_params["draft"]) != one(app.query_params["draft"])
    assert reloaded(app).selectbox(key="task").value == "chunking"


@pytest.mark.parametrize("name", ["00000000", "../../etc", "x"])
def test_an_unknown_draft_is_said_and_the_usual_settings_are_chosen(open_page, full, name):
    app = open_page("start", draft=name)
    assert not app.exception
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["draft"] = name
    app.run()
    assert any("No draft" in box.value for box in app.warning)
    assert app.selectbox(key="task").value == "sentiment"


def opened_with(content: str) -> AppTest:
    """A session at the address of a draft with this content."""
    folder = default_root().absolute().parent / "drafts"
    folder.mkdir()
    (folder / "00000001.json").write_text(content)
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["draft"] = "00000001"
    return app.run()


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"choices": {"task": "\\ud800"}, "wordings": {}}',
        '{"choices": {}, "wordings": {"sentiment": {"demonstration": 5}}}',
        '{"choices": {}, "wordings": {"sentiment": {"stem": ["a"]}}}',
        '{"choices": [], "wordings": {}}',
    ],
    ids=["nested", "half-a-character", "a-number-for-a-text", "a-list-for-a-text", "no-choices"],
)
def test_a_draft_that_can_not_be_read_is_said_and_the_usual_settings_are_chosen(open_page, full, content):
    app = opened_with(content)
    assert faults(app) == []
    assert any("No draft" in box.value for box in app.warning)
    assert app.selectbox(key="task").value == "sentiment"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("model_spread", one) for one in ("yes", 1)),
        *(("model_dtype", one) for one in ("absurd", True)),
        *(("model_bits", one) for one in ("9bit", True)),
        *((key, True) for key in ("task", "model_source", "model_revision", "model_device", "model_adapter")),
    ],
)
def test_what_no_widget_can_hold_is_no_choice_of_a_draft(open_page, full, key, value):
    app = opened_with(json.dumps({"choices": {key: value}, "wordings": {}}))
    assert faults(app) == []
    assert app.session_state[key] != value or app.session_state[key] is False


def test_a_session_that_names_no_run_is_not_sent_to_the_active_one_when_its_folder_is_gone(
    open_page, full, monkeypatch
):
    monkeypatch.setattr(EngineHandle, "active", lambda self: "20260101-000000-gone")
    app = open_page("layers")
    assert app.selectbox(key="shown_run").value == full.id
    assert len(figures(app)) > 0


def test_a_draft_never_lets_a_models_own_code_run(open_page, full):
    app = open_page("questions")
    app.selectbox(key="model_source").set_value(PRESETS[0].id).run()
    app.checkbox(key=f"trust_{PRESETS[0].id}").check().run()
    (path,) = (default_root().absolute().parent / "drafts").glob("*.json")
    assert "trust" not in json.dumps(json.loads(path.read_text()))
    fresh = reloaded(app)
    fresh.session_state["model"] = True
    assert fresh.run().checkbox(key=f"trust_{PRESETS[0].id}").value is False


def test_a_draft_that_the_disk_refuses_is_said_and_the_page_goes_on(open_page, full, monkeypatch):
    app = open_page("questions")
    folder = default_root().absolute().parent / "drafts"
    # In the place of the folder lies a file: as good as a disk that takes nothing.
    folder.write_text("")
    app.selectbox(key="task").set_value("chunking").run()
    assert not app.exception
    assert faults(app) == []
    assert [box.value for box in app.warning if "could not be kept" in box.value]
    # What tells the browser the address comes after it.
    assert one(app.query_params["run"]) == full.id
    folder.unlink()
    app.selectbox(key="task").set_value("ner").run()
    assert len(app.warning) == 0
    assert reloaded(app).selectbox(key="task").value == "ner"


def test_a_draft_has_a_greatest_size(open_page, full):
    app = open_page("questions", {"model_source": "some/model"})
    app.text_input(key="model_revision").set_value("x" * 5_000_000).run()
    assert [box.value for box in app.warning if "could not be kept: they have 5," in box.value.replace("\\", "")]
    assert not list((default_root().absolute().parent / "drafts").glob("*.json"))
