"""Reads LoRA adapters as PEFT writes them, checks them, and merges them into the model's weights."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.pytorch_utils import Conv1D

from neuron_core.errors import ModelError
from neuron_core.models.folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from neuron_core.models.json_files import read_json
from neuron_core.models.wrappers import KEY_MAPPING

FACTOR = re.compile(
    r"base_model\.model\.(?P<module>.+)\.lora_(?P<kind>embedding_)?(?P<side>[AB])(?:\.default)?(?:\.weight)?"
)
PLAIN_STARTS = (True, False, "gaussian", "orthogonal", "eva", None)
"ways in which the factors were initialised; others (PiSSA, OLoRA, CorDA, LoftQ) also change the base weights"
UNREAD: dict[str, str] = {
    "use_dora": "DoRA: it scales whole columns beside the low-rank part",
    "modules_to_save": "whole modules saved beside the factors",
    "layer_replication": "repeated layers",
    "trainable_token_indices": "single tokens of the embedding",
    "lora_bias": "biases of the factors",
    "use_qalora": "QALoRA",
    "use_bdlora": "block-diagonal factors",
    "alora_invocation_tokens": "activated LoRA: it is on in a part of the text alone",
    "target_parameters": "factors of single parameters",
    "arrow_config": "several adapters at once",
    "megatron_config": "Megatron's own layers",
}
"fields of the config with which an adapter is more than W + scale · B A"


DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
MOST_RANK, MOST_ALPHA = 1 << 20, 1e30
MOST_PATTERN, SECONDS = 1000, 2.0
"characters of a pattern of a config, which is a program too, and the time that it may take for one name"


@dataclass(frozen=True, eq=False)
class Factors:
    """The low-rank addition to one module: W' = W + scale · B A (Hu et al. 2021, Eq. 3)."""

    module: str
    "path of the module in the model"
    scale: float
    a: torch.Tensor
    "(r, in)"
    b: torch.Tensor
    "(out, r)"
    embedding: bool


def read_lora(folder: Path) -> list[Factors]:
    """The factors of an adapter folder.

    ModelError for an adapter that is not LoRA, for DoRA and other forms that are more than low-rank additions, and for
    a factor without the other one.
    """
    config = _config(folder)
    try:
        tensors = load_file(folder / ADAPTER_WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the adapter's weights can't be read: {error}", where=str(folder), accepted=ADAPTER_WEIGHTS
        ) from None
    parts: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        found = FACTOR.fullmatch(name)
        if found is None:
            raise ModelError(
                f"the adapter has a weight that is no factor of a low-rank part: {name}", where=str(folder)
            )
        part = parts.setdefault(found["module"], {})
        if found["side"] in part or part.get("embedding", found["kind"] is not None) != (found["kind"] is not None):
            raise ModelError(
                f"the adapter has two factors of one kind: {name}", where=str(folder), accepted="one A and one B each"
            )
        part[found["side"]], part["embedding"] = tensor, found["kind"] is not None
    if not parts:
        raise ModelError("the adapter has no weights", where=str(folder))
    return [_factors(folder, config, module, part) for module, part in sorted(parts.items())]


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = read_json(folder / ADAPTER_CONFIG)
    except FileNotFoundError:
        raise ModelError(
            "the adapter has no config", where=str(folder), accepted=f"a folder with {ADAPTER_CONFIG}"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the adapter can't be read: {error}", where=str(folder), accepted=f"a folder with {ADAPTER_CONFIG}"
        ) from None
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise ModelError(f"the adapter is of the kind {kind}", where=str(folder), accepted="LORA")
    for name, what in UNREAD.items():
        if config.get(name):
            raise ModelError(
                f"the adapter has {what} ({name})", where=str(folder), accepted="plain LoRA, or merged weights"
            )
    if config.get("bias", "none") != "none":
        raise ModelError(f"the adapter has biases (bias = {config['bias']})", where=str(folder), accepted="bias = none")
    start = config.get("init_lora_weights", True)
    if start not in PLAIN_STARTS:
        raise ModelError(
            f"the adapter began as {start}, which changes the base weights too",
            where=str(folder),
            accepted="plain LoRA, or merged weights",
        )
    if not _is_rank(config.get("r")) or not _is_finite(config.get("lora_alpha")):
        raise ModelError(
            "the adapter's config lacks r or lora_alpha",
            where=str(folder),
            accepted="r, a whole number from 1, and lora_alpha, a finite number",
        )
    stabilised = config.get("use_rslora")
    if not isinstance(stabilised, bool | None):
        raise ModelError(f"the adapter's use_rslora is {stabilised!r}", where=str(folder), accepted="true or false")
    for name, fits in (("rank_pattern", _is_rank), ("alpha_pattern", _is_finite)):
        if not _are_patterns(config.get(name) or {}, fits):
            raise ModelError(
                f"the adapter's {name} can't be read",
                where=str(folder),
                accepted="patterns of module names, each with a number",
            )
    return dict(config)


def _is_rank(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_RANK


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_ALPHA


def _are_patterns(given: Any, fits: Callable[[Any], bool]) -> bool:
    if not isinstance(given, dict) or not all(map(fits, given.values())):
        return False
    try:
        for key in given:
            regex.compile(key)
    except regex.error:
        return False
    return all(len(key) <= MOST_PATTERN for key in given)


def _factors(folder: Path, config: dict[str, Any], module: str, part: dict[str, Any]) -> Factors:
    where = f"{folder}, {module}"
    if {"A", "B"} - part.keys():
        raise ModelError("the adapter has one factor without the other", where=where)
    for factor in (part["A"], part["B"]):
        if factor.dtype not in DTYPES:
            kinds = ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES)
            raise ModelError(f"the adapter's factor is stored as {factor.dtype}", where=where, accepted=kinds)
    a, b = part["A"].float(), part["B"].float()
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        raise ModelError("the adapter has values that are not finite", where=where, accepted="a whole adapter")
    rank = _by_pattern(config.get("rank_pattern"), module, config["r"])
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != rank or b.shape[1] != rank:
        raise ModelError(
            f"the adapter's factors are {tuple(a.shape)} and {tuple(b.shape)}, its rank is {rank}", where=where
        )
    alpha = _by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"])
    # Rank-stabilised LoRA: Kalajdzievski 2023.
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return Factors(_own_name(module), scale, a, b, bool(part["embedding"]))


def _by_pattern(patterns: dict[str, Any] | None, module: str, usual: Any) -> Any:
    """The value of the first pattern that matches the end of the module's path, by whole names; otherwise `usual`."""
    for key, value in (patterns or {}).items():
        try:
            if regex.match(rf"(?:.*\.)?(?:{key})$", module, timeout=SECONDS):
                return value
        except TimeoutError:
            raise ModelError(
                f"the adapter's pattern {key!r} takes longer than {SECONDS:g} s",
                where=module,
                accepted="plain patterns",
            ) from None
    return usual


def _own_name(module: str) -> str:
    """The path of a module in the text part, for an adapter of a multimodal model."""
    for pattern, target in KEY_MAPPING.items():
        mapped, n = re.subn(pattern, target, f"{module}.")
        if n:
            return mapped.rstrip(".")
    return module


@torch.no_grad()
def merge_lora(model: Any, factors: list[Factors], where: str) -> None:
    """Adds scale · B A to every named weight, in float32. If the head or the embedding is changed and they share a
    weight, the head gets a weight of its own.

    ModelError, before anything is changed, for a module that the model lacks, and for one of another size.
    """
    weights = [_weight_of(model, each, where) for each in factors]
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    if head.weight is embedding.weight and any(weight is head.weight for weight in weights):
        head.weight = torch.nn.Parameter(head.weight.clone(), requires_grad=False)
        model.config.tie_word_embeddings = False
        weights = [_weight_of(model, each, where) for each in factors]
    for each, weight in zip(factors, weights, strict=True):
        change = _change(each, model.get_submodule(each.module)).to(weight.device)
        weight.copy_((weight.float() + change).to(weight.dtype))


def _weight_of(model: Any, each: Factors, where: str) -> torch.Tensor:
    try:
        module = model.get_submodule(each.module)
        weight: torch.Tensor = module.weight
    except AttributeError:
        raise ModelError(
            f"the adapter names a module that the model lacks: {each.module}",
            where=where,
            accepted="an adapter of this model",
        ) from None
    change = _change(each, module)
    if weight.shape != change.shape:
        raise ModelError(
            f"the adapter's part of {each.module} is {tuple(change.shape)}, the weight {tuple(weight.shape)}",
            where=where,
            accepted="an adapter of this model",
        )
    return weight


def _change(each: Factors, module: Any) -> torch.Tensor:
    """scale · B A in the layout of the module's weight: (out, in), transposed for an embedding
    and for GPT-2's Conv1D.
    """
    change = each.scale * (each.b @ each.a)
    return change.T if each.embedding or isinstance(module, Conv1D) else change
