"""Writes tiny checkpoints with random weights from configs in the format of the Hugging Face hub."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.architectures import architecture_of, get_architecture
from neuron_core.models.baichuan import BaichuanForCausalLM, register_baichuan
from neuron_core.models.wrappers import WRAPPERS, text_part
from neuron_core.tasks.task import LETTERS

END = "<|end|>"
SPREAD = 0.2
"standard deviation of the random weights; with the usual 0.02, all positions would be nearly the same"
MOST = 20_000_000
"largest number of parameters of a small model"
SMALL = {
    "num_hidden_layers": 4,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
"sizes for the text part of a config that gives none"
SMALL_VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token per byte, and one for each option letter after a space."""
    space = "Ġ"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [END, *alphabet, *(space + letter for letter in LETTERS)]
    tokenizer = Tokenizer(
        models.BPE({name: number for number, name in enumerate(names)}, [(space, letter) for letter in LETTERS])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)


def small_checkpoint(folder: Path, config: Mapping[str, Any], seed: int = 7) -> Any:
    """Writes random weights, a tokenizer and `config` as config.json, and returns the model in float32.

    config: in the format of the hub, with small sizes. `vocab_size` and the special tokens are added to it; its key
    `_pad_vocab` adds rows to the embedding. Raises ModelError for a family that is not supported, and for a config that
    transformers can't build.
    """
    tokenizer = byte_tokenizer()
    transformers_logging.disable_progress_bar()
    register_baichuan()
    whole = _with_vocabulary(dict(config), len(tokenizer))
    model = _built(whole, seed)
    dtype = getattr(torch, str(whole.get("torch_dtype") or whole.get("dtype") or "float32"))
    with torch.no_grad():
        for parameter in model.parameters():
            # Rounded as they are stored; tables of rotary frequencies stay exact.
            parameter.copy_(parameter.to(dtype))
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(whole, indent=1))
    return model.eval()


def _built(whole: dict[str, Any], seed: int) -> Any:
    family = str(whole.get("model_type"))
    if family not in CONFIG_MAPPING:
        # Raises an error that explains the family, if the table knows it.
        get_architecture(family)
    auto = AutoModelForImageTextToText if family in WRAPPERS else AutoModelForCausalLM
    try:
        made = CONFIG_MAPPING[family].from_dict(dict(whole))
        architecture_of(text_part(made))
        with torch.device("meta"):
            size = sum(parameter.numel() for parameter in auto.from_config(made).parameters())
        if size > MOST:
            raise ModelError(f"the config makes {size:,} parameters", accepted=f"small sizes, at most {MOST:,}")
        with torch.random.fork_rng():
            torch.manual_seed(seed)  # noqa: TID251 (transformers draws the weights; the generator is put back)
            model = auto.from_config(made, dtype=torch.float32)
            _drawn_wide(model)
    except NeuronCoreError:
        raise
    # Each family checks its config in its own way.
    except Exception as error:
        raise ModelError(f"transformers can't build a model from this config: {error}") from error
    return model


def _with_vocabulary(config: dict[str, Any], n_tokens: int) -> dict[str, Any]:
    n_tokens += config.pop("_pad_vocab", 0)
    if config.get("model_type") in WRAPPERS and not any(name in config for name in ("text_config", "hidden_size")):
        config |= {"text_config": SMALL, "vision_config": SMALL_VISION}
    sizes = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    if "text_config" in config:
        return {**config, "text_config": {**sizes, **config["text_config"], "vocab_size": n_tokens}}
    return {**sizes, **config, "vocab_size": n_tokens}


@torch.no_grad()
def _drawn_wide(model: torch.nn.Module) -> None:
    """Draws all matrices with a large spread, and moves biases and norm weights away from 0 and 1."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.add_(SPREAD * torch.randn_like(parameter))
            if "gemma4" in type(model).__name__.casefold() and name.endswith("k_norm.weight"):
                # This family does not scale its attention scores, and trained key norms are about this small.
                parameter.mul_(len(parameter) ** -0.5)
        elif parameter.ndim > 1:
            parameter.normal_(std=min(SPREAD, 1.2 / parameter.shape[-1] ** 0.5))
            if isinstance(model, BaichuanForCausalLM) and name == "lm_head.weight":
                # Version 2 normalises the rows of its head to length 1, whatever is stored.
                parameter.copy_(torch.nn.functional.normalize(parameter))
