"""Makes a transformers config from the keys of a GGUF file, for each family that is read. No torch.

GGUF has its own names for every setting. Some settings are in no file, because llama.cpp has them in its code.
"""

from collections.abc import Callable
from typing import Any

from neuron_core.models.gguf_keys import Keys
from neuron_core.models.gguf_rope import ROPE_TENSORS, rope_of

Config = dict[str, Any]
GEMMA_HEAD, GEMMA_27B = 256, {"gemma2": 144, "gemma3": 168}
"""Width of a head, and `query_pre_attn_scalar` of the two 27B models. No file has this number, which sets the scale of
attention. It is 256 in all published sizes with heads of 256, and hidden size / heads in both 27B, with heads of 128.
"""
MISTRAL_WINDOW = {
    "block_count": 32,
    "embedding_length": 4096,
    "feed_forward_length": 14336,
    "attention.head_count": 32,
    "attention.head_count_kv": 8,
    "context_length": 32768,
}
"shape of Mistral-7B v0.1, whose files leave its window of 4,096 tokens out; v0.2 and v0.3 have another rope.freq_base"


def _sizes(keys: Keys) -> Config:
    """The sizes that families with rotary attention share, under transformers' names."""
    heads, hidden = keys.number("attention.head_count"), keys.number("embedding_length")
    head_size = keys.number("attention.key_length", hidden // heads if heads else 0)
    if keys.number("attention.value_length", head_size) != head_size:
        raise keys.error("attention.value_length differs from attention.key_length", "equal ones")
    return {
        "num_hidden_layers": keys.number("block_count"),
        "hidden_size": hidden,
        "intermediate_size": keys.number("feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": keys.number("attention.head_count_kv", heads),
        "head_dim": head_size,
        "max_position_embeddings": keys.number("context_length"),
    }


def _rotary(keys: Keys, sizes: Config, *, partial: bool = False, base: float | None = 10000.0) -> Config:
    """`rope_parameters` from the file's own keys and tensors. partial: whether a family may rotate a part of each head
    alone.
    """
    head_size = sizes["head_dim"]
    turned = keys.number("rope.dimension_count", head_size)
    if turned != head_size and not partial:
        raise keys.error(f"rope.dimension_count is {turned}, the size of a head {head_size}", "equal ones")
    rope = rope_of(keys.header, keys, base, turned, sizes["max_position_embeddings"])
    if partial:
        share = turned / head_size
        # transformers cuts share · head size down to an integer.
        rope["partial_rotary_factor"] = share if int(head_size * share) == turned else (turned + 0.25) / head_size
    return rope


def _rms(keys: Keys) -> float:
    return float(keys.number("attention.layer_norm_rms_epsilon"))


def _llama(keys: Keys) -> Config:
    sizes = _sizes(keys)
    window = keys.get("attention.sliding_window")
    rope = _rotary(keys, sizes)
    if window is None and rope["rope_theta"] == 10000.0:
        window = 4096 if all(keys.get(name) == size for name, size in MISTRAL_WINDOW.items()) else None
    config = {**sizes, "rms_norm_eps": _rms(keys), "rope_parameters": rope, "hidden_act": "silu"}
    if window:
        return {"model_type": "mistral", **config, "sliding_window": window}
    return {
        "model_type": "llama",
        **config,
        "attention_bias": keys.has("attn_q.bias"),
        "mlp_bias": keys.has("ffn_up.bias"),
    }


def _qwen(model_type: str) -> Callable[[Keys], Config]:
    def config(keys: Keys) -> Config:
        sizes = _sizes(keys)
        return {
            "model_type": model_type,
            **sizes,
            "rms_norm_eps": _rms(keys),
            "rope_parameters": _rotary(keys, sizes),
            "hidden_act": "silu",
            "use_sliding_window": False,
            "attention_bias": keys.has("attn_q.bias"),
        }

    return config


def _gemma(keys: Keys) -> Config:
    family, sizes = keys.header.family, _sizes(keys)
    layers, pattern = sizes["num_hidden_layers"], keys.get("attention.sliding_window_pattern")
    # Every second layer has full attention in Gemma 2, every sixth in Gemma 3; the others have a sliding window.
    every = pattern if isinstance(pattern, int) and pattern > 1 else {"gemma2": 2, "gemma3": 6}[family]
    slides = pattern if isinstance(pattern, list) else [bool((layer + 1) % every) for layer in range(layers)]
    if len(slides) != layers:
        raise keys.error(
            f"attention.sliding_window_pattern names {len(slides)} of {layers} layers", "one value a layer"
        )
    config: Config = {
        **sizes,
        "rms_norm_eps": _rms(keys),
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": _gemma_scale(keys, sizes),
        "layer_types": ["sliding_attention" if slid else "full_attention" for slid in slides],
        "attention_bias": keys.has("attn_q.bias"),
    }
    if family == "gemma3" and any(name in keys.header.tensors for name in ROPE_TENSORS):
        raise keys.error(
            "factors of the rotary frequencies are not understood in a family with two sets of them",
            "a file without them",
        )
    if family == "gemma2":
        return {
            "model_type": "gemma2",
            **config,
            "rope_parameters": _rotary(keys, sizes),
            "sliding_window": keys.number("attention.sliding_window", 4096),
            "attn_logit_softcapping": keys.number("attn_logit_softcapping", 50.0),
            "final_logit_softcapping": keys.number("final_logit_softcapping", 30.0),
        }
    return {
        "model_type": "gemma3_text",
        **config,
        # The file's scaling is for the layers with full attention alone.
        "rope_parameters": {
            "full_attention": _rotary(keys, sizes, base=None),
            "sliding_attention": {
                "rope_type": "default",
                "rope_theta": float(keys.number("rope.freq_base_swa", 10000.0)),
            },
        },
        "sliding_window": keys.number("attention.sliding_window"),
        "final_logit_softcapping": keys.get("final_logit_softcapping"),
        "attn_logit_softcapping": keys.get("attn_logit_softcapping"),
    }


def _gemma_scale(keys: Keys, sizes: Config) -> int:
    scale, head_size = keys.get("attention.scale"), sizes["head_dim"]
    if scale:
        scalar = round(float(scale) ** -2)
        if abs(scalar * float(scale) ** 2 - 1) > 1e-5:
            raise keys.error(f"attention.scale {scale} is not understood", "1/√n for an integer n")
        return scalar
    if head_size == GEMMA_HEAD:
        return GEMMA_HEAD
    wide = GEMMA_27B[keys.header.family]
    if head_size == 128 and sizes["hidden_size"] == wide * sizes["num_attention_heads"]:
        return wide
    raise keys.error(
        f"the file does not carry the scale of attention (query_pre_attn_scalar), and heads of {head_size} with a "
        f"hidden size of {sizes['hidden_size']} are of no published {keys.header.family}",
        "a file with the key attention.scale, or the same model as a checkpoint folder",
    )


def _phi3(keys: Keys) -> Config:
    sizes = _sizes(keys)
    rope = _rotary(keys, sizes, partial=True)
    if rope["rope_type"] not in ("default", "longrope"):
        raise keys.error(f"rope.scaling.type {rope['rope_type']!r} is not understood in this family", "longrope")
    return {
        "model_type": "phi3",
        **sizes,
        "rms_norm_eps": _rms(keys),
        "rope_parameters": rope,
        "original_max_position_embeddings": rope.get(
            "original_max_position_embeddings", sizes["max_position_embeddings"]
        ),
        "hidden_act": "silu",
        # 0 says that there is none.
        "sliding_window": keys.get("attention.sliding_window") or None,
    }


def _stablelm(keys: Keys) -> Config:
    sizes, parallel = _sizes(keys), not keys.has("ffn_norm.weight")
    if keys.get("use_parallel_residual", parallel) != parallel:
        raise keys.error("use_parallel_residual contradicts the norms in the file", "a consistent file")
    return {
        "model_type": "stablelm",
        **sizes,
        "layer_norm_eps": float(keys.number("attention.layer_norm_epsilon")),
        "rope_parameters": _rotary(keys, sizes, partial=True),
        "hidden_act": "silu",
        "use_qkv_bias": keys.has("attn_q.bias"),
        "use_parallel_residual": parallel,
        "qk_layernorm": keys.has("attn_q_norm.weight"),
    }


def _gpt2(keys: Keys) -> Config:
    return {
        "model_type": "gpt2",
        "n_layer": keys.number("block_count"),
        "n_embd": keys.number("embedding_length"),
        "n_inner": keys.number("feed_forward_length"),
        "n_head": keys.number("attention.head_count"),
        "n_positions": keys.number("context_length"),
        "layer_norm_epsilon": float(keys.number("attention.layer_norm_epsilon")),
        "activation_function": "gelu_new",
    }


def _bloom(keys: Keys) -> Config:
    hidden, heads = keys.number("embedding_length"), keys.number("attention.head_count")
    if keys.number("feed_forward_length", 4 * hidden) != 4 * hidden:
        raise keys.error("feed_forward_length is not four times embedding_length", "a Bloom of that form")
    if keys.number("attention.head_count_kv", heads) != heads:
        raise keys.error("attention.head_count_kv differs from attention.head_count", "equal ones")
    keys.get("context_length")
    keys.get("attention.max_alibi_bias")
    return {
        "model_type": "bloom",
        "n_layer": keys.number("block_count"),
        "hidden_size": hidden,
        "n_head": heads,
        "layer_norm_epsilon": float(keys.number("attention.layer_norm_epsilon")),
    }


def _falcon(keys: Keys) -> Config:
    sizes = _sizes(keys)
    grouped = sizes["num_key_value_heads"] > 1
    if grouped and sizes["num_key_value_heads"] == sizes["num_attention_heads"]:
        raise keys.error("a Falcon with as many key heads as heads has ALiBi or not; the file does not say", "a folder")
    config = {
        "model_type": "falcon",
        "num_hidden_layers": sizes["num_hidden_layers"],
        "hidden_size": sizes["hidden_size"],
        "ffn_hidden_size": sizes["intermediate_size"],
        "num_attention_heads": sizes["num_attention_heads"],
        "max_position_embeddings": sizes["max_position_embeddings"],
        "layer_norm_epsilon": float(keys.number("attention.layer_norm_epsilon")),
        "rope_parameters": _rotary(keys, sizes),
        "bias": keys.has("attn_qkv.bias"),
        "alibi": False,
        "parallel_attn": True,
        "new_decoder_architecture": grouped,
        "multi_query": not grouped,
    }
    if grouped:
        config["num_kv_heads"] = sizes["num_key_value_heads"]
        config["num_ln_in_parallel_attn"] = 2 if keys.has("attn_norm_2.weight") else 1
    return config


FAMILIES: dict[str, Callable[[Keys], Config]] = {
    "llama": _llama,
    "qwen2": _qwen("qwen2"),
    "qwen3": _qwen("qwen3"),
    "gemma2": _gemma,
    "gemma3": _gemma,
    "phi3": _phi3,
    "stablelm": _stablelm,
    "gpt2": _gpt2,
    "bloom": _bloom,
    "falcon": _falcon,
}
"by `general.architecture`: keys → config. Mistral's files call themselves llama"
