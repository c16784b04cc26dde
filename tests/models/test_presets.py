"""The presets' numbers against the models that transformers builds from them, and what a config alone tells."""

import json

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPTNeoXConfig,
    LlamaConfig,
    Olmo2Config,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from neuron_core.cli import main
from neuron_core.errors import ModelError
from neuron_core.models.architectures import architectures
from neuron_core.models.baichuan import BaichuanConfig, register_baichuan
from neuron_core.models.dimensions import dimensions_of_config
from neuron_core.models.presets import PRESETS, find_preset
from tests.builders import FAMILIES

CONFIGS = {
    "llama": LlamaConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
    "smollm3": SmolLM3Config,
    "olmo2": Olmo2Config,
    "phi3": Phi3Config,
    "gpt_neox": GPTNeoXConfig,
    "gemma3_text": Gemma3TextConfig,
    "baichuan": BaichuanConfig,
}


def config_of(preset):
    d = preset.dimensions
    heads = {} if d.architecture == "gpt_neox" else {"num_key_value_heads": d.n_kv_heads, "head_dim": d.head_size}
    # Versions 1 and 2 of Baichuan have no head size in their config, and 13B is known by its width.
    heads = {} if d.architecture == "baichuan" else heads
    return CONFIGS[d.architecture](
        num_hidden_layers=d.n_layers,
        hidden_size=d.hidden_size,
        intermediate_size=d.n_neurons,
        num_attention_heads=d.n_heads,
        vocab_size=d.vocabulary,
        max_position_embeddings=d.context,
        tie_word_embeddings=d.tied,
        **heads,
    )


def parameters_on_meta(config):
    register_baichuan()
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config).num_parameters()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_preset_has_the_parameters_of_the_model_that_its_sizes_build(preset):
    assert parameters_on_meta(config_of(preset)) == preset.parameters


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_preset_s_config_gives_its_dimensions_back_and_its_parameters_within_a_percent(preset):
    found = dimensions_of_config(config_of(preset).to_dict())
    assert found == preset.dimensions
    assert found.parameters == pytest.approx(preset.parameters, rel=0.01)


def test_the_paper_s_models_have_the_sizes_of_its_tables():
    seven, thirteen, baichuan = (find_preset(name) for name in ("LLaMA-2-7B", "LLaMA-2-13B", "Baichuan2-7B"))
    # K = 100 is 0.03 % of the neurons of the 7B models and 0.02 % of those of 13B (the paper, section 4).
    assert (seven.dimensions.n_total, baichuan.dimensions.n_total, thirteen.dimensions.n_total) == (
        352_256,
        352_256,
        552_960,
    )
    assert (seven.weight_bytes("float32"), seven.weight_bytes("bfloat16")) == (26_953_662_464, 13_476_831_232)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "opt:projected"])
def test_a_config_of_every_family_counts_its_matrices(family):
    make, sizes = FAMILIES[family]
    register_baichuan()
    config = make(vocab_size=420, pad_token_id=None, **sizes)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    matrices = sum(p.numel() for p in model.parameters() if p.ndim > 1)
    # OPT has two positions more than its context.
    assert dimensions_of_config(config.to_dict()).parameters == pytest.approx(matrices, rel=0.005)


def test_a_preset_is_found_by_its_id_and_by_its_title_whatever_the_case():
    assert find_preset("qwen/qwen2.5-7b-instruct").title == "Qwen2.5-7B-Instruct"
    assert find_preset("llama-2-13b").id == "meta-llama/Llama-2-13b-hf"
    assert find_preset("someone/else") is None


def test_every_preset_is_of_a_supported_architecture_and_names_a_licence():
    known = {line.name for line in architectures()}
    assert all(preset.dimensions.architecture in known and preset.licence for preset in PRESETS)
    assert len({preset.id for preset in PRESETS}) == len(PRESETS)


def test_a_config_without_a_size_says_which_names_it_looked_for():
    config = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 100}
    with pytest.raises(ModelError, match=r"config lacks a size.*here.*num_hidden_layers or n_layer or num_layers"):
        dimensions_of_config(config, "here")


def test_the_models_command_lists_the_presets_with_memory_by_dtype_and_licence_page(capsys):
    assert main(["models", "--json"]) == 0
    presets = {line["id"]: line for line in json.loads(capsys.readouterr().out)["presets"]}
    assert presets["meta-llama/Llama-2-7b-hf"] == {
        "name": "LLaMA-2-7B",
        "id": "meta-llama/Llama-2-7b-hf",
        "for": "paper",
        "architecture": "llama",
        "parameters": 6_738_415_616,
        "layers": 32,
        "neurons_a_layer": 11008,
        "neurons": 352_256,
        "hidden_size": 4096,
        "vocabulary": 32000,
        "context": 4096,
        "memory_bytes": {"float32": 26_953_662_464, "bfloat16": 13_476_831_232, "float16": 13_476_831_232},
        "licence": "Llama 2 Community Licence",
        "licence_page": "https://huggingface.co/meta-llama/Llama-2-7b-hf",
        "gated": True,
        "note": "The paper does not say which variant; this is the base model.",
    }
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert "Qwen/Qwen2.5-0.5B-Instruct" in printed
    assert "gated: accept it on its page, then set HF_TOKEN" in printed
