"""Rotary frequencies of a GGUF file, from its keys and tensors. No torch.

Frequency j of a head with d rotated dimensions is base^(-2j/d). If the file has a tensor of factors, it is divided by
factor j. These tensors express the scaling of Llama 3.1 or of LongRoPE.
"""

from typing import Any

import numpy as np

from neuron_core.models.gguf_header import GgufHeader
from neuron_core.models.gguf_keys import Keys

FREQUENCIES, SHORT, LONG = "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"
ROPE_TENSORS = (FREQUENCIES, SHORT, LONG)
"tensors that become part of the config"


def rope_of(header: GgufHeader, keys: Keys, base: float | None, turned: int, context: int) -> dict[str, Any]:
    """The `rope_parameters` of transformers.

    base: used if the file has no rope.freq_base; None if the file must have it. turned: number of rotated dimensions of
    a head. context: the model's longest text in tokens. ModelError for scaling that transformers does not know, and
    for scaling that the file describes incompletely.
    """
    theta = float(keys.number("rope.freq_base", base))
    kind, factor = keys.get("rope.scaling.type"), keys.get("rope.scaling.factor") or keys.get("rope.scale_linear")
    # Whether the model was trained with it changes nothing.
    keys.get("rope.scaling.finetuned")
    # A factor without a type is linear.
    kind = str(kind or ("linear" if factor else "none")).lower()
    original = keys.get("rope.scaling.original_context_length")
    attention = keys.get("rope.scaling.attn_factor")
    if SHORT in header.tensors or LONG in header.tensors:
        if kind not in ("none", "longrope", "linear") or (kind == "linear" and factor not in (None, 1.0)):
            raise keys.error(f"rope.scaling.type is {kind!r} beside LongRoPE's factors", "longrope")
        if FREQUENCIES in header.tensors:
            raise keys.error(f"the tensor {FREQUENCIES} stands beside LongRoPE's factors", "one of them")
        if not original:
            raise keys.error("LongRoPE's factors come without rope.scaling.original_context_length", "that key")
        short, long = (_factors(header, keys, name, turned) for name in (SHORT, LONG))
        found = _longrope(theta, short, long, int(original))
        if attention:
            found["attention_factor"] = float(attention)
        elif kind == "longrope" and factor:
            found["factor"] = float(factor)
        return found
    if attention not in (None, 0.0, 1.0):
        raise keys.error(f"rope.scaling.attn_factor is {attention} without LongRoPE's factors", "1")
    if FREQUENCIES in header.tensors:
        if kind not in ("none", "linear"):
            raise keys.error(f"rope.scaling.type is {kind!r} beside {FREQUENCIES}", "none or linear")
        each = [value * float(factor or 1) for value in _factors(header, keys, FREQUENCIES, turned)]
        # One set of factors for every length: no text is longer than the context.
        return {**_longrope(theta, each, each, context), "attention_factor": 1.0}
    if kind == "none" or (kind == "linear" and factor in (None, 0.0, 1.0)):
        return {"rope_type": "default", "rope_theta": theta}
    if kind == "linear":
        return {"rope_type": "linear", "rope_theta": theta, "factor": float(factor)}
    if kind == "yarn":
        return _yarn(keys, theta, int(original or context))
    raise keys.error(
        f"rope.scaling.type {kind!r} is not understood", "none, linear, yarn, or longrope with its factors"
    )


def _longrope(theta: float, short: list[float], long: list[float], original: int) -> dict[str, Any]:
    return {
        "rope_type": "longrope",
        "rope_theta": theta,
        "short_factor": short,
        "long_factor": long,
        "original_max_position_embeddings": original,
    }


def _yarn(keys: Keys, theta: float, original: int) -> dict[str, Any]:
    rope = {
        "rope_type": "yarn",
        "rope_theta": theta,
        "factor": float(keys.number("rope.scaling.factor")),
        "original_max_position_embeddings": original,
    }
    for name, ours in (
        ("yarn_attn_factor", "attention_factor"),
        ("yarn_beta_fast", "beta_fast"),
        ("yarn_beta_slow", "beta_slow"),
    ):
        value = keys.get(f"rope.scaling.{name}")
        if value is not None:
            rope[ours] = float(value)
    for name, accepted in (("yarn_ext_factor", (1.0, -1.0)), ("yarn_log_multiplier", (0.0,))):
        if keys.get(f"rope.scaling.{name}", accepted[0]) not in accepted:
            raise keys.error(f"rope.scaling.{name} is not understood", f"{accepted[0]:g}")
    return rope


def _factors(header: GgufHeader, keys: Keys, name: str, turned: int) -> list[float]:
    tensor = header.tensors.get(name)
    if tensor is None or tensor.type_name != "F32" or tensor.shape != (turned // 2,):
        said = "is missing" if tensor is None else f"is {tensor.type_name} of shape {tensor.shape}"
        raise keys.error(f"the tensor {name} {said}", f"{turned // 2} factors as F32")
    values = np.fromfile(header.path, dtype="<f4", count=turned // 2, offset=tensor.start).astype(float)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise keys.error(f"the tensor {name} holds a factor that is no positive number", "positive numbers")
    found: list[float] = values.tolist()
    return found
