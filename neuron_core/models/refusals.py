"""Names the kinds of models that can't be attributed, and says why. No torch."""

from typing import Any

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_experts_per_tok")
"fields of a config that say how many experts there are"
# fmt: off
RECURRENT = (
    "bailing_hybrid", "bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "kimi_linear", "lfm2",
    "lfm2_moe", "lfm3", "mamba", "mamba2", "minimax", "nemotron_h", "olmo_hybrid", "qwen3_5", "qwen3_5_text",
    "qwen3_next", "recurrent_gemma", "rwkv", "xlstm", "zamba", "zamba2",
)
# fmt: on
"families with layers that keep a state, also where the config does not say so"
STATES = ("linear", "mamba", "conv", "recurrent", "ssm", "gated_delta", "rwkv", "hybrid")
"parts of the names of layers that keep a state"
ATTENTION = ("full_attention", "sliding_attention")
"kinds of layers whose cached rows can be masked"
# fmt: off
ENCODERS = (
    "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "modernbert",
    "roberta", "xlm-roberta",
)
# fmt: on


def why_refused(config: Any) -> str | None:
    """Why a model with this config can't be attributed, and what would be needed. None if it can be."""
    family = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        return "it is an encoder-decoder, and rows need one stack with causal attention"
    if family in ENCODERS:
        return "it is an encoder, and a prompt's last token predicts a letter only in a causal language model"
    # The guard would not notice it: the cached states of earlier tokens, which see the last one, would not change.
    if getattr(config, "use_bidirectional_attention", None) not in (None, False, "vision"):
        return "with bidirectional attention a change of the last token would reach earlier ones"
    kinds = {*(getattr(config, "layer_types", None) or ()), *(getattr(config, "layers_block_type", None) or ())}
    if family in RECURRENT or any(_is_recurrent(str(kind)) for kind in kinds):
        return (
            "it is a hybrid or recurrent model: some layers keep a state instead of keys and values. "
            "Its rows would need a copy of that state at the last token"
        )
    if any(_several(getattr(config, name, None)) for name in EXPERTS) or getattr(config, "enable_moe_block", False):
        return (
            "it is a mixture of experts, without one down projection a layer. "
            "Its neurons would have to be counted by expert"
        )
    if other := sorted(kind for kind in kinds if kind not in (*ATTENTION, "attention")):
        return f"its layers have attention of the kind {', '.join(map(str, other))}, for which there is no row mask"
    if getattr(config, "num_kv_shared_layers", 0):
        return (
            "its upper layers take keys and values from lower ones, and rows begin above them. "
            "Its rows would have to begin at the bottom"
        )
    return None


def _several(experts: Any) -> bool:
    """Whether there are several experts. Some families say 1 if there are none, others have a number for each layer."""
    return (
        max(experts, default=0) > 1 if isinstance(experts, list | tuple) else isinstance(experts, int) and experts > 1
    )


def _is_recurrent(kind: str) -> bool:
    return any(
        word in kind for word in ("linear", "mamba", "conv", "recurrent", "ssm", "gated_delta", "rwkv", "hybrid")
    )
