"""From the keys of a GGUF file to the model's config, every key accounted for. No torch.

A key that says something about the layers and that nothing here understands is an error: the model would be another
one.
"""

import re

from neuron_core.errors import ModelError
from neuron_core.models.gguf_families import FAMILIES, Config
from neuron_core.models.gguf_header import GgufHeader
from neuron_core.models.gguf_keys import Keys

LAYER = re.compile(r"blk\.\d{1,6}\.")
NEUTRAL: dict[str, tuple[object, ...]] = {
    "attention.causal": (True,),
    "attention.clamp_kqv": (0.0,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "pooling_type": (0,),
    "tensor_data_layout": ("Meta AI original pth", "reference", "jploski"),
}
"keys that change nothing if they have one of these values; jploski is Falcon's order of queries, keys and values"
OTHER_PARTS = ("vision", "audio", "mm")
"beginnings of the keys of parts that read no text"


def gguf_config(header: GgufHeader) -> Config:
    """The transformers config of a GGUF file, as a dict with its `model_type`.

    ModelError for a family that is not supported, for missing keys, and for keys of the family that are not understood.
    """
    check_readable(header)
    keys = Keys(header)
    try:
        config = FAMILIES[header.family](keys)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise keys.error(f"the sizes in its keys make no model ({error})", "a whole file") from None
    known = tuple(f"{header.family}.{name}" for name in NEUTRAL)
    for name, accepted in NEUTRAL.items():
        if keys.get(name, accepted[0]) not in accepted:
            raise keys.error(_not_understood([f"{header.family}.{name}"]), f"{name} = {accepted[0]}")
    embedding = header.tensors.get("token_embd.weight")
    vocabulary = embedding.shape[0] if embedding and embedding.shape else 0
    if keys.get("vocab_size", vocabulary) != vocabulary:
        raise keys.error(f"vocab_size is {keys.get('vocab_size')}, the embedding has {vocabulary} rows", "equal ones")
    others = tuple(f"{header.family}.{part}." for part in OTHER_PARTS)
    own = {key for key in header.keys if key.startswith(f"{header.family}.") and not key.startswith(others)}
    if unknown := sorted(own - keys.used - set(known)):
        raise keys.error(_not_understood(unknown), "a file without them, or the same model as a checkpoint folder")
    return {
        **config,
        "vocab_size": vocabulary,
        # The file has a head only if it is not the embedding.
        "tie_word_embeddings": "output.weight" not in header.tensors,
        **_special_tokens(header),
    }


def check_readable(header: GgufHeader) -> None:
    """ModelError for a family that is not supported, for a file that is not a model but an adapter or a projector, and
    for a number of layers that differs from that of the tensors.
    """
    if (kind := header.keys.get("general.type", "model")) != "model":
        raise ModelError(
            f"the file is no model: its general.type is {kind!r}", where=str(header.path), accepted="a file of a model"
        )
    if any(str(key).endswith(".expert_count") and value for key, value in header.keys.items()):
        raise ModelError(
            f"the GGUF family {header.family!r} with experts is not supported: without one down projection a layer",
            where=str(header.path),
            accepted=", ".join(FAMILIES),
        )
    if header.family not in FAMILIES:
        raise ModelError(
            f"the GGUF family {header.family!r} is not supported",
            where=str(header.path),
            accepted=f"{', '.join(FAMILIES)}; other families as a checkpoint folder",
        )
    _check_layers(header)


def _check_layers(header: GgufHeader) -> None:
    """Checks the number of layers before anything is made for each layer."""
    numbers = {int(name.split(".")[1]) for name in header.tensors if LAYER.match(name)}
    n_layers, claimed = len(numbers), header.keys.get(f"{header.family}.block_count")
    if isinstance(claimed, int) and claimed != n_layers:
        raise ModelError(
            f"the model can't be loaded: block_count is {claimed}, and the file has tensors of {n_layers} layers",
            where=str(header.path),
            accepted="a whole file, fetched or copied anew",
        )


def unused_notes(header: GgufHeader) -> tuple[str, ...]:
    """Notes about keys of the file that nothing uses."""
    families = ("general", "tokenizer", "quantize", "split", "imatrix", header.family)
    parts = tuple(f"{header.family}.{part}." for part in OTHER_PARTS)
    others = sorted(key for key in header.keys if key.split(".")[0] not in families or key.startswith(parts))
    return (f"keys of the GGUF file that nothing uses: {', '.join(others)}",) if others else ()


def _not_understood(names: list[str]) -> str:
    return f"{'these keys are' if len(names) > 1 else 'the key is'} not understood: {', '.join(names)}"


def _special_tokens(header: GgufHeader) -> Config:
    def token(name: str) -> int | None:
        value = header.keys.get(f"tokenizer.ggml.{name}_token_id")
        return value if isinstance(value, int) else None

    ends = [end for end in map(token, ("eos", "eot", "eom")) if end is not None]
    return {
        "bos_token_id": token("bos"),
        "pad_token_id": token("padding"),
        "eos_token_id": (ends[0] if len(set(ends)) == 1 else sorted(set(ends))) if ends else None,
    }
