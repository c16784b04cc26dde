"""Configs as hubs write them, small: each family against whole sequences, or refused as what it is."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from neuron_core.bench.families import (
    ALLOWED,
    GGUF,
    OWN_GGUF,
    FamilyRow,
    configs_of,
    families_text,
    family_row,
    logits_apart,
)
from neuron_core.bench.small_models import small_checkpoint
from neuron_core.cli import main
from neuron_core.control.neuron import neuron_tokens
from neuron_core.errors import ModelError
from neuron_core.models.architectures import architectures
from neuron_core.models.gguf_families import FAMILIES as GGUF_FAMILIES
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from neuron_core.models.wrappers import WRAPPERS

OWN, OWN_FILES = configs_of(None), configs_of(OWN_GGUF)
CASES = (
    Path(os.environ["NEURONLLM_CASES"]) / "models" / "hub_configs.json" if os.environ.get("NEURONLLM_CASES") else None
)
GIVEN = configs_of(CASES) if CASES and CASES.is_file() else {}
OLDER = re.compile(r"^(?:model\.)?language_model\.(?:model\.)?(?=embed_tokens|layers|norm)")
SIZES = {"num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4}
REFUSED = {
    "mixtral": ({**SIZES, "num_local_experts": 4, "num_experts_per_tok": 2}, "mixture of experts"),
    "qwen3_moe": ({**SIZES, "num_experts": 4, "num_experts_per_tok": 2}, "mixture of experts"),
    "gpt_oss": ({**SIZES, "num_local_experts": 4}, "mixture of experts"),
    "deepseek_v3": ({**SIZES, "n_routed_experts": 4}, "mixture of experts"),
    "qwen3_5_text": (SIZES, "hybrid"),
    "falcon_h1": (SIZES, "hybrid"),
    "mamba": ({}, "hybrid or recurrent"),
    "lfm2": (SIZES, "hybrid"),
    "granitemoehybrid": (SIZES, "hybrid"),
    "t5": ({"is_encoder_decoder": True}, "encoder-decoder"),
    "bert": ({}, "encoder"),
    "gemma4_text": ({**SIZES, "num_hidden_layers": 12, "num_kv_shared_layers": 4}, "keys and values from lower ones"),
    "llama4": ({}, "mixture of experts|not supported"),
}


def test_the_project_s_configs_have_every_architecture_and_every_wrapper():
    text_parts = {config.get("text_config", config).get("model_type") for config in OWN.values()}
    assert {line.name for line in architectures()} <= text_parts | {"gemma3_text", "ministral3"}
    assert set(WRAPPERS) <= {config["model_type"] for config in OWN.values()}


@pytest.mark.parametrize("name", OWN)
def test_a_family_is_computed_exactly(tmp_path, name):
    row = family_row(name, OWN[name], tmp_path)
    assert row.refused is None
    assert row.largest <= ALLOWED, row


@pytest.mark.parametrize("name", OWN_FILES)
def test_a_gguf_file_is_computed_exactly(tmp_path, name):
    row = family_row(name, OWN_FILES[name], tmp_path, source=GGUF)
    assert (row.refused, row.source) == (None, GGUF)
    assert row.largest <= ALLOWED, row


def test_every_gguf_family_has_a_config():
    names = {"mistral": "llama", "gemma3_text": "gemma3"}
    assert {names.get(one["model_type"], one["model_type"]) for one in OWN_FILES.values()} == set(GGUF_FAMILIES)


POST_NORM = {line.name for line in architectures() if line.post_norm}


@pytest.mark.parametrize("name", [name for name in OWN if OWN[name]["model_type"] in POST_NORM] + ["GPT-NeoX Japanese"])
def test_the_tokens_under_a_write_vector_are_found(tmp_path, name):
    small_checkpoint(tmp_path, OWN[name])
    loaded = load_model(ModelSpec(str(tmp_path), device="cpu"))
    found = neuron_tokens(loaded, 1, 3, top=5)
    assert len({token.token_id for token in found.promoted}) == 5
    assert found.promoted[0].value > found.suppressed[0].value
    assert loaded.adds_neurons != loaded.architecture.post_norm


@pytest.mark.parametrize("name", GIVEN)
def test_a_given_config_is_computed_exactly_or_refused(tmp_path, name):
    row = family_row(name, GIVEN[name], tmp_path)
    assert row.refused is not None or row.largest <= ALLOWED, row


@pytest.mark.parametrize("family", REFUSED)
def test_what_can_t_be_attributed_is_refused_as_what_it_is(tmp_path, family):
    config, why = REFUSED[family]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family, **config}))
    with pytest.raises(ModelError, match=why):
        load_model(ModelSpec(str(tmp_path)))


def test_a_multiplier_near_one_is_measured(tmp_path):
    small_checkpoint(tmp_path, OWN["Granite, multiplier near 1"])
    assert not load_model(ModelSpec(str(tmp_path), device="cpu")).adds_neurons


def test_the_text_part_keeps_a_head_of_its_own_whatever_the_flag_says(tmp_path):
    config = {**OWN["Mistral Small 3.1, wrapper"], "tie_word_embeddings": True}
    assert family_row("tied", config, tmp_path / "tied").logits <= ALLOWED
    untied = small_checkpoint(tmp_path / "untied", {**config, "tie_word_embeddings": False})
    whole = json.loads((tmp_path / "untied" / "config.json").read_text())
    del whole["tie_word_embeddings"]
    (tmp_path / "untied" / "config.json").write_text(json.dumps(whole))
    loaded = load_model(ModelSpec(str(tmp_path / "untied"), device="cpu"))
    head = loaded.model.get_output_embeddings().weight
    assert (head == untied.get_output_embeddings().weight).all()
    assert (head != loaded.model.get_input_embeddings().weight).any()


def test_a_wrapper_that_leaves_out_the_factor_of_its_text_part_is_refused(tmp_path):
    config = {**OWN["LLaVA-NeXT, wrapper"], "text_config": {"model_type": "granite", **SIZES}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"'llava_next' with a text part 'granite'.*factor"):
        load_model(ModelSpec(str(tmp_path)))


def test_names_of_older_checkpoints_are_mapped(tmp_path):
    built = small_checkpoint(tmp_path, OWN["LLaVA 1.5, wrapper"])
    weights = load_file(tmp_path / "model.safetensors")
    older = {OLDER.sub("language_model.model.", name): value for name, value in weights.items()}
    # The library writes them either way.
    newer = {name.replace("language_model.model.", "model.language_model."): value for name, value in older.items()}
    for names in (older, newer):
        save_file(names, tmp_path / "model.safetensors", metadata={"format": "pt"})
        loaded = load_model(ModelSpec(str(tmp_path), device="cpu"))
        assert logits_apart(loaded, built) <= ALLOWED
        assert "multi_modal_projector" in loaded.notes[0]


# The command


def test_the_bench_prints_a_row_a_config_and_why_others_are_refused(tmp_path, capsys):
    file = tmp_path / "configs.json"
    file.write_text(
        json.dumps({"one": OWN["GPT-2"], "two": {"model_type": "mamba"}, "three": {"model_type": "nowhere"}})
    )
    assert main(["bench", "families", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "| one | `gpt2` | folder | none | " in printed
    assert "0 of 1 above 1e-05." in printed
    assert "| two | `mamba` | the architecture 'mamba' is not supported: it is a hybrid" in printed
    assert "| three | `nowhere` | the architecture 'nowhere' is not supported |" in printed


def test_the_bench_fails_where_a_difference_is_too_large(monkeypatch, tmp_path, capsys):
    wrong = FamilyRow("one", "gpt2", "folder", "none", logits=0.0, attribution=2e-5, last=0.0, all=0.0, generation=0.0)
    monkeypatch.setattr("neuron_core.bench.families.family_rows", lambda _, source: [replace(wrong, source=source)])
    assert main(["bench", "families"]) == 1
    printed = capsys.readouterr().out
    assert "2 of 2 above 1e-05." in printed
    assert "| one | `gpt2` | folder | none | 2.0e-05 |\n| one | `gpt2` | GGUF | none | 2.0e-05 |" in printed
    assert "1 of 1" in families_text([FamilyRow("one", "gpt2", "folder", "none", attribution=float("nan"))])


def test_the_table_in_the_docs_has_every_config_and_no_difference_above_the_tolerance():
    text = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|`]+) \| `(\w+)` \| folder \| ([\w, ]+) \| (\S+) \|$", text, re.MULTILINE)
    assert [name for name, *_ in rows] == list(OWN)
    files = re.findall(r"^\| ([^|`]+) \| `(\w+)` \| GGUF \| ([\w, ]+) \| (\S+) \|$", text, re.MULTILINE)
    assert [name for name, *_ in files] == list(OWN_FILES)
    assert all(float(value) <= ALLOWED for *_, value in (*rows, *files))
    # In the words in which the command prints it.
    lines = text.splitlines()
    assert families_text([]).splitlines()[0] in lines
    assert f"0 of {len(rows) + len(files)} above 1e-05." in lines


@pytest.mark.parametrize("content", ["[1]", '{"a": 1}', "{"])
def test_a_file_that_is_no_table_of_configs_is_refused(tmp_path, content):
    (tmp_path / "configs.json").write_text(content)
    with pytest.raises(ModelError, match="config"):
        configs_of(tmp_path / "configs.json")
