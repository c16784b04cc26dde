"""Quantised weights: checkpoints that have them are refused; weights may be quantised while they are read."""

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.spec import ModelSpec
from neuron_core.models.stored import QUANTISED

PACKAGE = "bitsandbytes"
PRODUCTS = "bitsandbytes.autograd._functions"
"the logger of its products"
KNOWN = {
    "bitsandbytes": "bitsandbytes",
    "gptq": "GPTQ",
    "awq": "AWQ",
    "mlx": "MLX",
    "bitnet": "BitNet, packed",
    "fp8": "8-bit floats",
    "compressed-tensors": "compressed-tensors",
    "mxfp4": "MXFP4",
}


def check_quantised(spec: ModelSpec, config: Mapping[str, Any]) -> None:
    """ModelError, before any weight is fetched, for a checkpoint whose weights are quantised, and for a spec that needs
    a package that is not installed. config: the content of config.json.
    """
    method = _method(config)
    if method is not None:
        raise ModelError(
            f"the checkpoint's weights are quantised ({KNOWN.get(method, method)}), which is not read",
            where=spec.source,
            accepted="the unquantised model, perhaps with --load-in-4bit or --load-in-8bit; or its GGUF file",
        )
    if spec.load_in and importlib.util.find_spec(PACKAGE) is None:
        raise ModelError(
            f"--load-in-{spec.load_in} needs the package {PACKAGE}, which is not installed",
            where=spec.source,
            accepted=f"python -m pip install {PACKAGE}",
        )


def keep_differentiable(model: Any) -> None:
    """On a processor with AVX512-BF16, bitsandbytes repacks 4-bit weights at the first pass without gradients, for a
    product that has no gradient. Forbids that.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def quantised_notes(spec: ModelSpec) -> tuple[str, ...]:
    """What a reader of a model with fewer bits must know."""
    return ("8-bit products round their inputs, first to float16 and then to 8 bits",) if spec.load_in == "8bit" else ()


def _is_news(record: logging.LogRecord) -> bool:
    """False for a line that bitsandbytes writes for every product: the note of the model says it once."""
    return "inputs will be cast" not in str(record.msg)


def _method(config: Mapping[str, Any]) -> str | None:
    """How the weights are quantised. None if the config does not say that they are."""
    part = config.get("text_config")
    for each in (config, part if isinstance(part, Mapping) else {}):
        for name in QUANTISED:
            said = each.get(name)
            if isinstance(said, Mapping) and said:
                return str(said.get("quant_method") or ("mlx" if "group_size" in said and "bits" in said else name))
            if said:
                return name
    return None


def quantising(spec: ModelSpec, dtype: Any) -> dict[str, Any]:
    """The argument that makes from_pretrained quantise weights; empty if it should not. Products are computed in
    `dtype`, and the head is not quantised.

    With 8 bits, large inputs are rounded like all others. bitsandbytes usually multiplies them apart, and which ones
    those are depends on everything else in the pass.
    """
    if spec.load_in is None:
        return {}
    from transformers import BitsAndBytesConfig

    if spec.load_in == "8bit":
        logging.getLogger(PRODUCTS).addFilter(_is_news)
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0)}
    made = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": made}
