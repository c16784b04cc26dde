"""Checks after a load: weights that the model does not use, weights that are missing, and
values that are not finite.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers.modeling_utils import load_state_dict

from neuron_core.errors import ModelError
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.placement import weights_of
from neuron_core.models.stored import COMPUTED, FLOATS, QUANTISED, stored_weights


def check_report(report: Mapping[str, Any], layers: str, where: str) -> tuple[str, ...]:
    """Notes about weights outside the layers that the model does not use. report: what from_pretrained reports.

    layers: path of the layers in the model. ModelError, which names a weight, for wrong sizes, for missing weights
    (which would be drawn at random), and for weights of a layer that the config does not have.
    """
    for name, stored, wanted in sorted(report.get("mismatched_keys", ())):
        raise ModelError(
            f"the weight {name} has the shape {tuple(stored)}, the config makes it {tuple(wanted)}",
            where=where,
            accepted="weights and config.json of one model",
        )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(f"the checkpoint lacks {len(missing)} weights, {missing[0]} first", where=where)
    unknown = sorted(name for name in report.get("unexpected_keys", ()) if not name.endswith(COMPUTED))
    # In a checkpoint of the model without its head, the first part of the names is missing.
    inside = re.compile(rf"({re.escape(layers)}|{re.escape(layers.split('.', 1)[-1])})\.\d")
    if within := [name for name in unknown if inside.match(name)]:
        raise ModelError(
            f"the config knows nothing of {len(within)} weights inside the layers, {within[0]} first",
            where=where,
            accepted="weights and config.json of one model",
        )
    if heads := [name for name in unknown if name.endswith("lm_head.weight")]:
        raise ModelError(f"the checkpoint has an output head that the model does not use: {heads[0]}", where=where)
    return (f"weights of the checkpoint that nothing uses: {some_of(unknown)}",) if unknown else ()


def check_dtypes(files: list[Path], config: dict[str, Any]) -> None:
    """ModelError for weights stored as integers or 8-bit floats if the config does not say how they were quantised.
    They would be read as if they were the weights themselves.
    """
    if any(config.get(name) for name in QUANTISED):
        return
    for file in files:
        dtypes = _pickled(file) if file.suffix == ".bin" else {n: w.dtype for n, w in stored_weights(file).items()}
        for name, dtype in dtypes.items():
            if dtype not in FLOATS and not name.endswith(COMPUTED):
                raise ModelError(
                    f"the weight {name} is stored as {dtype}, and config.json says nothing of quantisation",
                    where=str(file),
                    accepted=f"weights as {', '.join(FLOATS)}, or the config.json that came with these",
                )


def _pickled(path: Path) -> dict[str, str]:
    """The dtype of each weight of a pytorch_model.bin, by the names of safetensors for floats. Reads no weights.

    Empty for a file that can't be opened. The load opens it in the same way, and its error says what is wrong.
    """
    words = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    try:
        found = load_state_dict(path, map_location="meta", weights_only=True)
    except Exception:
        return {}
    tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}
    return {name: words.get(t.dtype, str(t.dtype).removeprefix("torch.")) for name, t in tensors.items()}


def refuse_not_finite(loaded: LoadedModel, where: str) -> NoReturn:
    """Raises ModelError after a pass whose values are not finite. It names the first weight with such a value or, if
    all weights are finite, the dtype. Reads all weights.
    """
    for path, module in loaded.model.named_modules():
        with weights_of(module) as own:
            for name, tensor in own.items():
                wrong = ~torch.isfinite(tensor) if tensor.is_floating_point() else torch.zeros(1, dtype=torch.bool)
                if bool(wrong.any()):
                    raise ModelError(
                        f"the weight {f'{path}.{name}'.lstrip('.')} has {int(wrong.sum())} values that are not finite",
                        where=loaded.spec.title,
                        accepted="whole weights, fetched or copied anew",
                    )
    raise ModelError(
        f"a pass gives values that are not finite in {str(loaded.dtype).removeprefix('torch.')}",
        where=where,
        accepted="dtype float32",
    )


def check_ids(loaded: LoadedModel, token_ids: Iterable[int], where: str | None = None) -> None:
    """ModelError for a token that the model's embedding does not have: tokenizer and weights belong to different
    models.
    """
    n_rows = loaded.model.get_input_embeddings().weight.shape[0]
    if (largest := max(token_ids, default=0)) >= n_rows:
        (token,) = loaded.tokenizer.convert_ids_to_tokens([largest])
        raise ModelError(
            f"the tokenizer gives the token {token!r} the number {largest}, and the embedding has {n_rows} rows",
            where=where or loaded.spec.title,
            accepted="a text without this token, or tokenizer and weights of one model",
        )


def some_of(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
