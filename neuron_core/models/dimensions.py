"""A model's sizes from its config alone, and what follows from them: parameters and memory. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_core.errors import ModelError

BYTES = {"float64": 8, "float32": 4, "tf32": 4, "bfloat16": 2, "float16": 2}
"bytes of one number, by dtype"

# fmt: off
GATED = frozenset((
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "gemma4_text", "phi3", "olmo",
    "olmo2", "olmo3", "stablelm", "baichuan", "ministral", "ministral3", "smollm3", "granite", "cohere",
    "cohere2", "glm", "glm4", "exaone4", "hunyuan_v1_dense", "ernie4_5", "seed_oss", "helium", "vaultgemma",
    "cwm", "internlm3", "iquestcoder", "granite_swa", "bitnet",
))
# fmt: on
"families whose feed-forward block has a third matrix, the gate"
GROUPED = GATED | set(["phi", "starcoder2", "nemotron", "apertus", "arcee", "nanochat", "jais2"])
"families in which several heads may share keys and values"
# fmt: off
TIED = frozenset((
    "gpt2", "gpt_neo", "bloom", "falcon", "opt", "gemma", "gemma2", "gemma3_text", "gemma4_text", "vaultgemma",
    "smollm3", "cohere", "cohere2", "starcoder2", "gpt_bigcode", "ernie4_5", "biogpt", "xglm", "mpt",
    "granite_swa", "gpt_neox_japanese",
))
# fmt: on
"families whose head is the embedding unless the config says otherwise"
LEARNED_POSITIONS = frozenset(("gpt2", "gpt_neo", "gpt_bigcode", "opt", "biogpt"))
TEXT_PART_SIZES: dict[str, dict[str, int]] = {
    "llama": {
        "num_hidden_layers": 32,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_attention_heads": 32,
        "vocab_size": 32000,
    },
    "gemma3_text": {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262208},
}
"sizes that configs of multimodal models leave out of their text part, because they are the defaults of its class"

_NAMES: dict[str, tuple[str, ...]] = {
    "n_layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden_size": ("hidden_size", "n_embd", "n_embed", "d_model"),
    "n_heads": ("num_attention_heads", "n_head", "num_heads", "n_heads", "attention_heads"),
    "vocabulary": ("vocab_size",),
    "n_neurons": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "context": ("max_position_embeddings", "n_positions", "model_max_length", "seq_length", "max_seq_len"),
}
"the names that configs give each size; the first that is present counts"


@dataclass(frozen=True)
class Dimensions:
    """The sizes of a model. Its number of parameters, its memory and the cost of a pass follow from them."""

    architecture: str
    "`model_type` of the config"
    n_layers: int
    "L"
    n_neurons: int
    "neurons in each layer, I"
    hidden_size: int
    "D"
    n_heads: int
    n_kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    "longest prompt in tokens; 0 if the config does not say it"
    tied: bool
    "whether the head is the embedding"

    @property
    def n_total(self) -> int:
        """Neurons, N = L·I."""
        return self.n_layers * self.n_neurons

    @property
    def kv_size(self) -> int:
        """How many numbers the keys of one token have in one layer."""
        return self.n_kv_heads * self.head_size

    @property
    def layer_parameters(self) -> int:
        """Parameters in the matrices of one layer: queries and output, keys and values, feed-forward block."""
        attention = 2 * self.hidden_size * (self.n_heads * self.head_size + self.kv_size)
        return attention + (3 if self.architecture in GATED else 2) * self.hidden_size * self.n_neurons

    @property
    def other_parameters(self) -> int:
        """Parameters of embedding and head."""
        positions = self.context * self.hidden_size if self.architecture in LEARNED_POSITIONS else 0
        return (1 if self.tied else 2) * self.vocabulary * self.hidden_size + positions

    @property
    def parameters(self) -> int:
        """Parameters of all matrices. Biases and norms are left out; they are well under one percent."""
        return self.n_layers * self.layer_parameters + self.other_parameters


def dimensions_of_config(config: Mapping[str, Any], where: str | None = None) -> Dimensions:
    """The sizes in a config.json, or in its text part if it has one. ModelError when a size is missing."""
    if isinstance(config.get("text_config"), Mapping):
        part = config["text_config"]
        inherited = {name: config[name] for name in ("tie_word_embeddings", "vocab_size") if name in config}
        config = {**TEXT_PART_SIZES.get(str(part.get("model_type")), {}), **inherited, **part}
    family = str(config.get("model_type", ""))
    hidden, heads = _size(config, "hidden_size", where), _size(config, "n_heads", where)
    return Dimensions(
        architecture=family,
        n_layers=_size(config, "n_layers", where),
        # Where a config leaves the width of the block out, all of these families take four times the hidden size.
        n_neurons=_size(config, "n_neurons", where, 4 * hidden),
        hidden_size=hidden,
        n_heads=heads,
        n_kv_heads=_kv_heads(config, heads, where),
        head_size=_whole(config, "head_dim", where, hidden // heads),
        vocabulary=_size(config, "vocabulary", where),
        context=_size(config, "context", where, 0),
        tied=bool(config.get("tie_word_embeddings", family in TIED)),
    )


def _size(config: Mapping[str, Any], name: str, where: str | None, default: int | None = None) -> int:
    for known in _NAMES[name]:
        value = config.get(known)
        if isinstance(value, int) and value > 0:
            return value
    if default is None:
        raise ModelError("the config lacks a size", where=where, accepted=" or ".join(_NAMES[name]))
    return default


def _whole(config: Mapping[str, Any], name: str, where: str | None, default: int) -> int:
    """A whole number that a config may leave out. ModelError for anything else."""
    value = config.get(name)
    if not value:
        return default
    if not isinstance(value, int) or value < 1:
        raise ModelError(f"the config says {name} {str(value)[:60]}", where=where, accepted="a whole number from 1")
    return value


def _kv_heads(config: Mapping[str, Any], heads: int, where: str | None) -> int:
    if config.get("model_type") == "falcon":
        if config.get("new_decoder_architecture"):
            return _whole(config, "num_kv_heads", where, heads)
        return 1 if config.get("multi_query", True) else heads
    if config.get("model_type") == "gpt_bigcode":
        return 1 if config.get("multi_query", True) else heads
    grouped = config.get("model_type") in GROUPED
    return _whole(config, "num_key_value_heads", where, heads) if grouped else heads
