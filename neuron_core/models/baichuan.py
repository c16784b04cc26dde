"""Baichuan 7B (1 and 2) as a Llama. The code that comes with its weights is not used; current transformers can't run
it.

It is a Llama whose query, key and value weights are one matrix. In version 2, the rows of the head are scaled to length
1. Both are converted while the weights are read. The 13B models have ALiBi instead of rotary positions and are refused.
"""

from pathlib import Path
from typing import Any

import torch
from tokenizers import normalizers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, LlamaTokenizer
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.convert_slow_tokenizer import SentencePieceExtractor, import_protobuf
from transformers.core_model_loading import Chunk, ConversionOps, WeightConverter

from neuron_core.errors import ModelError

VERSION_2 = "BaichuanForCausalLM"
"the class that version 2 names in its config; version 1 writes BaiChuan"
WIDTH_13B = 5120


class BaichuanConfig(LlamaConfig):
    model_type = "baichuan"


class BaichuanForCausalLM(LlamaForCausalLM):
    """A Llama. ModelError for the 13B models, whose config differs only in its size and one missing field."""

    config_class = BaichuanConfig

    def __init__(self, config: BaichuanConfig) -> None:
        if config.hidden_size == WIDTH_13B:
            raise ModelError(
                "Baichuan 13B has ALiBi positions, which are not converted", accepted="Baichuan 7B, 1 or 2"
            )
        super().__init__(config)


class _UnitRows(ConversionOps):
    """Scales the rows of the head to length 1 in version 2. Those of version 1 are kept."""

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **others: Any
    ) -> dict[str, torch.Tensor]:
        (found,) = input_dict.values()
        weight = found[0] if isinstance(found, list) else found
        unit = VERSION_2 in (others["config"].architectures or ())
        return {target_patterns[0]: nn.functional.normalize(weight) if unit else weight}

    @property
    def reverse_op(self) -> ConversionOps:
        return self


class _Pieces(SentencePieceExtractor):
    """Reads a SentencePiece file by its protobuf. transformers would also need the package sentencepiece."""

    def __init__(self, model: str) -> None:
        self.proto = import_protobuf().ModelProto()
        self.proto.ParseFromString(Path(model).read_bytes())


class BaichuanTokenizer(LlamaTokenizer):
    """Baichuan's tokenizer.model: BPE with byte fallback, as Llama's. A space is put first only if the file says so."""

    def __init__(self, *args: Any, add_bos_token: bool = False, **kwargs: Any) -> None:
        normalization = kwargs.get("_spm_precompiled_charsmap")
        super().__init__(*args, add_bos_token=add_bos_token, **kwargs)
        if normalization:
            self._tokenizer.normalizer = normalizers.Precompiled(normalization)

    @classmethod
    def _convert_from_sentencepiece(cls, vocab_file: str, local_kwargs: dict[str, Any]) -> dict[str, Any]:
        pieces = _Pieces(vocab_file)
        prefix = pieces.proto.normalizer_spec.add_dummy_prefix
        return pieces.extract(cls.model, **local_kwargs | {"add_prefix_space": prefix})


def register_baichuan() -> None:
    """Registers the family with transformers' auto classes, so that they never ask for the code that comes with it."""
    AutoConfig.register("baichuan", BaichuanConfig, exist_ok=True)
    AutoModelForCausalLM.register(BaichuanConfig, BaichuanForCausalLM, exist_ok=True)
    AutoTokenizer.register(BaichuanConfig, fast_tokenizer_class=BaichuanTokenizer, exist_ok=True)
    queries, keys, values = (f"self_attn.{name}_proj.weight" for name in "qkv")
    register_checkpoint_conversion_mapping(
        "baichuan",
        [
            WeightConverter("self_attn.W_pack.weight", [queries, keys, values], operations=[Chunk(dim=0)]),
            WeightConverter("lm_head.weight", "lm_head.weight", operations=[_UnitRows()]),
        ],
        overwrite=True,
    )
