"""Multimodal models, of which only the text part is loaded.

On text alone, such a model computes the same as its text part. The class is that of its `text_config`, the names of the
weights are mapped, and the flag that ties head and embedding is kept.
"""

from dataclasses import dataclass
from typing import Any

from transformers import CONFIG_MAPPING

from neuron_core.errors import ModelError
from neuron_core.models.architectures import Head, get_architecture

SCALED: tuple[Head, ...] = ("divided", "multiplied")


@dataclass(frozen=True)
class Wrapper:
    """How the text part of a multimodal model is loaded.

    family: a `model_type` that computes the same on text, if that of the part has no causal model. With M-RoPE, a
    position has a time, a height and a width. In a text all three are the position of the token, so usual rotary
    positions are the same.
    """

    family: str | None = None


WRAPPERS: dict[str, Wrapper] = {
    "gemma3": Wrapper(),
    "gemma4": Wrapper(),
    "mistral3": Wrapper(),
    "llava": Wrapper(),
    "llava_next": Wrapper(),
    "llava_onevision": Wrapper(),
    "internvl": Wrapper(),
    "idefics3": Wrapper(),
    "smolvlm": Wrapper(),
    "qwen2_vl": Wrapper("qwen2"),
    "qwen2_5_vl": Wrapper("qwen2"),
    "qwen3_vl": Wrapper("qwen3"),
}
"`model_type` of the multimodal model → its text part"
KEY_MAPPING = {
    r"^(?:model\.)?language_model\.lm_head\.": "lm_head.",
    r"^(?:model\.)?(?:language_model|text_model)\.(?:model\.)?(?!lm_head)": "model.",
}
"names of the text part's weights in older and newer checkpoints → names in its own class"


def text_part(config: Any) -> Any:
    """The config of the text part of a multimodal model, with the flag that ties head and embedding. Any other config
    is returned unchanged.

    ModelError for a text part of an unknown family, and for one whose logits the multimodal model scales differently.
    """
    wrapper = WRAPPERS.get(config.model_type)
    if wrapper is None:
        return config
    part = config.get_text_config(decoder=True)
    if wrapper.family is not None:
        part = CONFIG_MAPPING[wrapper.family].from_dict(_plain(part.to_dict(), wrapper.family))
    if get_architecture(part.model_type).head in SCALED:
        raise ModelError(
            f"the architecture {config.model_type!r} with a text part {part.model_type!r} is not supported: as a whole "
            "it leaves out the factor of that family's logits",
            accepted=f"the {part.model_type} model itself",
        )
    # If the flag is set although the checkpoint has a head, transformers keeps that head.
    part.tie_word_embeddings = bool(
        getattr(config, "tie_word_embeddings", False) or getattr(part, "tie_word_embeddings", False)
    )
    quantised = getattr(config, "quantization_config", None)
    if quantised is not None:
        part.quantization_config = quantised
    return part


def _plain(part: dict[str, Any], family: str) -> dict[str, Any]:
    """A text part's config as one of a family with usual rotary positions."""
    rope = {k: v for k, v in (part.get("rope_parameters") or {}).items() if not k.startswith("mrope")}
    if rope.get("rope_type") == "mrope":
        rope["rope_type"] = "default"
    return {**{k: v for k, v in part.items() if k != "architectures"}, "model_type": family, "rope_parameters": rope}
