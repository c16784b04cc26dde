"""The model part of the sidebar: presets, what fits, and a model's own code, which each model asks for anew."""

import json

import pytest

from neuron_core.models.spec import EMBEDDED_TITLES
from neuron_core.runs.store import default_root
from neuron_core.service import trust
from pages.shared.frame import session, sidebar
from tests.pages.conftest import faults, texts

GB = 10**9


def test_a_preset_shows_its_size_licence_and_gate(open_page, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 64 * GB))
    app = open_page("start", {"model_source": "meta-llama/Llama-2-7b-hf"})
    assert faults(app) == []
    said = texts(app)
    assert "6.74 B parameters, 352,256 neurons; weights 27.0 GB in float32, 13.5 GB in bfloat16" in said
    assert "Gated: accept it there, then start the app with HF_TOKEN" in said
    assert not any("What would fit" in box.value for box in app.warning)


def test_a_model_that_does_not_fit_says_so_before_it_is_loaded(open_page, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 16 * GB))
    app = open_page("start", {"model_source": "meta-llama/Llama-2-7b-hf"})
    (warning,) = [box.value.replace("\\", "") for box in app.warning if "What would fit" in box.value]
    assert warning.startswith("The model needs 28.8 GB in float32 (weights 27.0 GB), and 16.0 GB are free.")
    assert "dtype bfloat16 (14.5 GB)" in warning
    app.selectbox(key="model_dtype").set_value("bfloat16").run()
    assert not any("What would fit" in box.value for box in app.warning)


def test_tf32_without_a_gpu_is_refused_in_the_sidebar_and_the_page_says_what_it_is(open_page, monkeypatch):
    app = open_page("start")
    box = app.selectbox(key="model_dtype")
    assert "tf32" in box.options
    assert "simulation" in box.help
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 64 * GB))
    box.set_value("tf32").run()
    (said,) = [error.value for error in app.error]
    assert said.replace("\\", "").startswith(
        "**The dtype tf32 has no effect on cpu**\n\nWhere: dtype\n\nWhat works: float32; tf32 on"
    )
    # The rest of the sidebar is there.
    assert app.button(key="unload").disabled
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cuda:0", 64 * GB))
    app.selectbox(key="model_dtype").set_value("tf32").run()
    assert not app.error


def test_the_box_for_a_model_s_own_code_names_the_model_and_is_empty_for_the_next_one(open_page):
    one, other = "Qwen/Qwen2.5-0.5B-Instruct", "EleutherAI/pythia-410m"
    app = open_page("start", {"model_source": one})
    box = app.checkbox(key=session.trust_key(one))
    assert "Qwen2.5-0.5B-Instruct" in box.label.replace("\\", "")
    assert box.value is False
    box.check().run()
    assert app.checkbox(key=session.trust_key(one)).value is True
    app.selectbox(key="model_source").set_value(other).run()
    assert app.checkbox(key=session.trust_key(other)).value is False


def test_the_embedded_model_has_no_code_to_confirm(open_page):
    app = open_page("start")
    with pytest.raises(KeyError):
        app.checkbox(key=session.trust_key("embedded"))


def test_a_model_that_fits_the_gpu_but_not_the_memory_gives_no_warning(open_page, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cuda:0", 80 * GB))
    app = open_page("start", {"model_source": "meta-llama/Llama-2-7b-hf"})
    assert "Needs about 28.8 GB; 80.0 GB on the GPU cuda:0 are free." in texts(app)
    assert not any("What would fit" in box.value for box in app.warning)


def test_a_gpu_that_is_asked_for_and_not_found_is_named(open_page, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cuda:0", None))
    app = open_page("start", {"model_source": "meta-llama/Llama-2-7b-hf", "model_device": "cuda"})
    assert "Needs about 28.8 GB on cuda:0, which is not found here" in texts(app)


def test_an_empty_gguf_file_says_so_before_it_is_loaded(open_page, tmp_path):
    path = tmp_path / "empty.gguf"
    path.touch()
    app = open_page("start", {"model_source": str(path)})
    (fault,) = faults(app)
    assert "the file is empty" in fault
    assert "a file that begins with GGUF" in fault


def test_adapter_family_file_and_bits_reach_the_spec_and_the_draft(open_page, tmp_path, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 64 * GB))
    folder, family = tmp_path / "adapter", tmp_path / "family.json"
    folder.mkdir()
    app = open_page("start", {"model_source": "EleutherAI/pythia-410m"})
    app.text_input(key="model_adapter").set_value(str(folder)).run()
    assert faults(app) == []
    assert "Next run: EleutherAI/pythia-410m + adapter" in texts(app).replace("\\", "")
    assert app.checkbox(key="model_spread").disabled
    assert app.button_group(key="model_bits").disabled
    app.text_input(key="model_adapter").set_value("").run()
    app.text_input(key="model_architecture").set_value(str(family)).run()
    app.button_group(key="model_bits").set_value("8bit").run()
    assert faults(app) == []
    assert "Next run: EleutherAI/pythia-410m in 8bit" in texts(app).replace("\\", "")
    kept = json.loads(next((default_root().absolute().parent / "drafts").glob("*.json")).read_text())["choices"]
    assert (kept["model_architecture"], kept["model_bits"]) == (str(family), "8bit")
    app.selectbox(key="model_source").set_value("embedded").run()
    assert app.button_group(key="model_bits").value is None
    assert "Fewer bits are not for the embedded model" in texts(app)


def test_a_python_file_of_a_family_asks_for_the_word_of_the_terminal(open_page, tmp_path, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 64 * GB))
    said: list[str] = []
    monkeypatch.setattr(trust, "on_terminal", said.append)
    monkeypatch.setattr(trust.Trust.__init__, "__defaults__", (said.append,))
    app = open_page("start", {"model_source": "EleutherAI/pythia-410m"})
    app.text_input(key="model_architecture").set_value("/some/family.py").run()
    (fault,) = faults(app)
    assert "only after the word" in fault
    word = app.text_input(key="word_EleutherAI/pythia-410m")
    word.set_value(said[0].rsplit(" ", 1)[1]).run()
    assert faults(app) == []
    assert "Confirmed at the terminal" in texts(app)


def test_a_demo_offers_no_adapter_family_or_bits_and_a_link_can_not_bring_them(open_page, monkeypatch):
    monkeypatch.setenv("NEURONLLM_DEMO_MODE", "1")
    app = open_page("start", {"model_adapter": "/some/adapter", "model_bits": "4bit"})
    assert faults(app) == []
    keys = {field.key for field in app.text_input}
    assert not {"model_adapter", "model_architecture"} & keys
    assert f"Next run: {EMBEDDED_TITLES['embedded']}\n" in texts(app).replace("\\", "")


@pytest.mark.parametrize("key", ["model_source", "model_adapter", "model_architecture"])
@pytest.mark.parametrize(
    "said", ["~nobody-of-this-name/x", "x" * 5000, "\0", "/dev/zero"], ids=["user", "long", "zero", "device"]
)
def test_whatever_is_typed_as_a_model_the_page_is_shown(open_page, full, key, said):
    app = open_page("layers", {key: said})
    assert not app.exception
    assert not any("should not" in box.value for box in app.error)
    assert len(app.main.dataframe) > 0


def test_a_revision_is_asked_for_and_taken_of_hub_models_alone(open_page, monkeypatch):
    monkeypatch.setattr(sidebar, "free_for", lambda spec, freed: ("cpu", 64 * GB))
    app = open_page("start", {"model_source": "EleutherAI/pythia-410m"})
    assert not app.text_input(key="model_revision").disabled
    app.text_input(key="model_revision").set_value("step3000").run()
    app.selectbox(key="model_source").set_value("embedded").run()
    assert faults(app) == []
    assert app.text_input(key="model_revision").disabled
    assert app.text_input(key="model_revision").value == "step3000"
    app.selectbox(key="model_source").set_value("EleutherAI/pythia-410m").run()
    assert not app.text_input(key="model_revision").disabled


def said(app) -> str:
    return texts(app).replace("\\", "")


def test_the_fields_of_the_model_are_made_when_they_are_opened_and_keep_what_was_chosen(open_page):
    app = open_page("questions", closed=True)
    assert faults(app) == []
    assert "Next run: SmolLM2-135M + multiple-choice adapter" in said(app)
    assert [box.key for box in app.selectbox if str(box.key).startswith("model_")] == []
    app.session_state["model"] = True
    app.run()
    app.selectbox(key="model_source").set_value("Qwen/Qwen2.5-0.5B-Instruct").run()
    app.text_input(key="model_revision").set_value("main").run()
    app.selectbox(key="model_dtype").set_value("bfloat16").run()
    app.session_state["model"] = False
    app.run()
    app.run()
    assert [box.key for box in app.selectbox if str(box.key).startswith("model_")] == []
    spec = {key: app.session_state[f"model_{key}"] for key in ("source", "revision", "dtype", "device")}
    assert spec == {
        "source": "Qwen/Qwen2.5-0.5B-Instruct",
        "revision": "main",
        "dtype": "bfloat16",
        "device": "auto",
    }
    assert "Next run: Qwen/Qwen2.5-0.5B-Instruct" in said(app)
    app.session_state["model"] = True
    app.switch_page("pages/data.py").run()
    assert app.selectbox(key="model_dtype").value == "bfloat16"
    assert app.text_input(key="model_revision").value == "main"


def test_an_adapter_leaves_no_room_for_what_was_chosen_before_though_nothing_is_open(open_page):
    app = open_page("questions", {"model_source": "Qwen/Qwen2.5-0.5B-Instruct"}, closed=True)
    for key, value in {"model_adapter": "some/adapter", "model_spread": True, "model_bits": "4bit"}.items():
        app.session_state[key] = value
    app.run()
    assert app.session_state["model_spread"] is False
    assert app.session_state["model_bits"] is None
    assert faults(app) == []


def test_a_source_that_names_no_model_can_be_corrected(open_page):
    app = open_page("questions", {"model_source": "a\0b"})
    assert app.error
    app.selectbox(key="model_source").set_value("embedded").run()
    assert not app.error
