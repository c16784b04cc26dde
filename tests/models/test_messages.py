"""Half a folder, packages that are missing, code that was not confirmed: one message each, which says what helps."""

import json
import shutil

import gguf
import pytest

from neuron_core.errors import ModelError
from neuron_core.models import folder, loading
from neuron_core.models.folder import check_folder, weight_files
from neuron_core.models.loading import load_model, load_tokenizer
from neuron_core.models.spec import ModelSpec


@pytest.fixture
def copy(checkpoint, tmp_path):
    return shutil.copytree(checkpoint("llama"), tmp_path / "llama")


def message_of(folder, **settings):
    with pytest.raises(ModelError) as caught:
        load_model(ModelSpec(str(folder), device="cpu", **settings))
    return str(caught.value)


def in_shards(folder, there, listed):
    (folder / "model.safetensors").unlink()
    for name in there:
        (folder / name).write_bytes(b"x")
    names = {f"weight.{i}": name for i, name in enumerate(listed)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def test_a_missing_shard_and_an_empty_one_are_named(copy):
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    in_shards(copy, shards[:1], shards)
    (copy / shards[1]).write_bytes(b"")
    assert message_of(copy) == (
        "the model can't be loaded: 2 of 3 weight files are missing or empty (model-00002-of-00003.safetensors, "
        f"model-00003-of-00003.safetensors). Where: {copy}. Accepted: the whole checkpoint: copy or download these "
        "files again."
    )


def test_a_folder_without_weights_and_one_without_a_tokenizer_say_which_files_are_meant(copy):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    assert "the folder has no tokenizer" in message_of(copy)
    assert "tokenizer.json, tokenizer.model, or vocab.json with merges.txt" in message_of(copy)
    (copy / "model.safetensors").unlink()
    assert "the folder has no weights" in message_of(copy)
    assert "pytorch_model.bin" in message_of(copy)


def test_weights_are_found_in_every_form(copy):
    assert [file.name for file in weight_files(copy)] == ["model.safetensors"]
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert [file.name for file in weight_files(copy)] == ["pytorch_model.bin"]
    check_folder(copy)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["other.safetensors"], "weights in a form that is not read, or under another name (other.safetensors)"),
        (
            ["model-00001-of-00002.safetensors"],
            "shards of weights (model-00001-of-00002.safetensors first) and no index",
        ),
        (
            ["pytorch_model-00001-of-00003.bin"],
            "shards of weights (pytorch_model-00001-of-00003.bin first) and no index",
        ),
        (["consolidated.safetensors"], "weights in their publisher's own form (consolidated.safetensors)"),
        (["consolidated.00.pth"], "weights in their publisher's own form (consolidated.00.pth)"),
        (["model.fp16.safetensors"], "only a variant of the weights, 'fp16' (model.fp16.safetensors)"),
        (["model-00001-of-00002.bf16.safetensors"], "only a variant of the weights, 'bf16'"),
        (["model.fp16-00001-of-00002.safetensors"], "only a variant of the weights, 'fp16'"),
        (["model.Q8_0.gguf", "model.f16.GGUF"], "holds GGUF files: model.Q8_0.gguf, model.f16.GGUF"),
        (["tf_model.h5"], "weights in a form that is not read, or under another name (tf_model.h5)"),
        ([], "the folder has no weights"),
    ],
)
def test_weights_in_another_form_are_named_for_what_they_are(copy, names, said):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").unlink()
    for name in names:
        (copy / name).write_bytes(whole)
    assert said in message_of(copy)
    assert f"Where: {copy}" in message_of(copy)


def test_a_variant_beside_the_weights_changes_nothing(copy):
    shutil.copy(copy / "model.safetensors", copy / "model.fp16.safetensors")
    shutil.copy(copy / "model.safetensors", copy / "consolidated.safetensors")
    assert [file.name for file in weight_files(copy)] == ["model.safetensors"]
    load_model(ModelSpec(str(copy), device="cpu"))


@pytest.mark.parametrize("name", ["tokenizer_config.json", "tokenizer.json"])
def test_an_empty_file_of_the_tokenizer_is_named(copy, name):
    (copy / name).write_bytes(b"")
    for ask in (load_model, load_tokenizer):
        with pytest.raises(ModelError, match=rf"{name} is empty\. Where: {copy}"):
            ask(ModelSpec(str(copy), device="cpu"))


@pytest.mark.parametrize(
    ("content", "said"), [("{", "is damaged"), ("[]", "is no JSON object"), ("[" * 100_000, "deep")]
)
def test_a_damaged_tokenizer_config_is_named(copy, content, said):
    (copy / "tokenizer_config.json").write_text(content)
    assert "tokenizer_config.json" in message_of(copy)
    assert said in message_of(copy)


@pytest.mark.parametrize("listed", [["a"], {}, {"a": 1}, {"a": []}, {"a": "../model.safetensors"}, None])
def test_an_index_that_names_no_files_is_damaged(copy, listed):
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    assert "model.safetensors.index.json is damaged: it does not name a file for each weight" in message_of(copy)


def test_a_config_that_claims_very_many_layers_is_refused_before_they_are_made(copy):
    config = json.loads((copy / "config.json").read_text()) | {"num_hidden_layers": 10**9}
    (copy / "config.json").write_text(json.dumps(config))
    assert "its config.json claims 1000000000 layers" in message_of(copy)


def test_a_tokenizer_model_alone_asks_for_sentencepiece_before_the_weights_are_read(copy, monkeypatch):
    (copy / "tokenizer.json").unlink()
    # The first bytes of any model of sentencepiece: its first piece.
    (copy / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    monkeypatch.setattr(folder.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(loading, "AutoModelForCausalLM", None)
    for ask in (load_model, load_tokenizer):
        with pytest.raises(ModelError) as caught:
            ask(ModelSpec(str(copy), device="cpu"))
        assert str(caught.value) == (
            "the tokenizer is a tokenizer.model alone: it needs the package sentencepiece, which is not installed. "
            f"Where: {copy}. Accepted: python -m pip install sentencepiece, or a tokenizer.json beside it."
        )


@pytest.mark.parametrize("name", ["big-00002-of-00003.gguf", "part.gguf"])
def test_a_part_of_a_split_gguf_file_comes_with_the_line_that_merges_it(tmp_path, name):
    # As the parts after the first have it: no key but those of the split.
    writer = gguf.GGUFWriter(tmp_path / name, "llama")
    writer.kv_data[0].pop("general.architecture")
    writer.add_uint16("split.no", 1)
    writer.add_uint16("split.count", 3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    line = "big-00001-of-00003.gguf big.gguf" if name.startswith("big") else "FIRST-PART.gguf WHOLE.gguf"
    assert message_of(tmp_path / name) == (
        f"the model can't be loaded: this file is one of 3 parts. Where: {tmp_path / name}. "
        f"Accepted: one file: llama-gguf-split --merge {line}."
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04zip", "the file is not a GGUF file"),
        (b"GGUF", "the header of the weights"),
    ],
)
def test_a_gguf_file_that_is_none_says_why(tmp_path, content, what):
    (tmp_path / "model.gguf").write_bytes(content)
    assert f"the model can't be loaded: {what}" in message_of(tmp_path / "model.gguf")


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (
            ImportError(
                "\nLlamaTokenizer requires the SentencePiece library but it was not found in your environment."
            ),
            "sentencepiece",
        ),
        (ImportError("\nX requires the protobuf library but it was not found in your environment."), "protobuf"),
        (ModuleNotFoundError("No module named 'some_kernels'", name="some_kernels"), "some_kernels"),
        (
            ImportError(
                "This modeling file requires the following packages that were not found in your environment: "
                "flash_mla. Run `pip install flash_mla`"
            ),
            "flash_mla",
        ),
    ],
)
def test_a_missing_package_comes_with_the_line_that_installs_it(copy, monkeypatch, error, package):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(loading.AutoTokenizer, "from_pretrained", fail)
    assert message_of(copy) == (
        f"the model needs the package {package}, which is not installed. Where: {copy}. "
        f"Accepted: python -m pip install {package}."
    )


def test_code_that_comes_with_a_tokenizer_is_not_run_until_it_is_confirmed(copy, monkeypatch):
    # As a repository has it whose tokenizer is a class of its own.
    (copy / "tokenization_own.py").write_text(
        "from transformers import PreTrainedTokenizerFast\n"
        "class OwnTokenizer(PreTrainedTokenizerFast):\n    marker = 'own code ran'\n"
    )
    (copy / "config.json").write_text(
        json.dumps(
            json.loads((copy / "config.json").read_text())
            | {"auto_map": {"AutoTokenizer": [None, "tokenization_own.OwnTokenizer"]}}
        )
    )
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    settings |= {
        "tokenizer_class": "OwnTokenizer",
        "auto_map": {"AutoTokenizer": [None, "tokenization_own.OwnTokenizer"]},
    }
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("HF_MODULES_CACHE", str(copy / "modules"))
    said = message_of(copy)
    assert said == (
        "this model asks to run Python code that comes with its weights; nothing of it was run. "
        f"Where: {copy}. Accepted: read that code, then confirm it for this model: --trust-remote-code, or the box in "
        "the sidebar."
    )
    loaded = load_model(ModelSpec(str(copy), device="cpu", trust_remote_code=True))
    assert loaded.tokenizer.marker == "own code ran"


def test_code_of_an_unknown_architecture_is_not_even_asked_for(copy):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "novel", "auto_map": {"AutoConfig": "configuration_novel.NovelConfig"}}
    (copy / "config.json").write_text(json.dumps(config))
    assert "the architecture 'novel' is not supported" in message_of(copy)
    assert "the architecture 'novel' is not supported" in message_of(copy, trust_remote_code=True)
