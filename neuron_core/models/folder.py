"""What a model's files must be before anything large is read: a whole folder. No torch."""

import json
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer_config.json")
"any one of them, as far as can be told before transformers reads it"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"whole; in shards, a file of the same name and `.index.json` lists them"


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json. ModelError when it is absent or is no JSON object."""
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError("the folder has no config.json", where=str(folder), accepted="a transformers checkpoint")
    config = _json(path)
    if not isinstance(config.get("model_type"), str):
        raise ModelError("the model can't be loaded: its config.json names no model_type", where=str(folder))
    return config


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights, those that are missing too; empty where there are none at all."""
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if index.is_file():
            shards = _json(index).get("weight_map", {})
            return [folder / shard for shard in sorted(set(shards.values()))]
        if (folder / name).is_file():
            return [folder / name]
    return sorted(folder.glob("*.safetensors"))


def check_folder(folder: Path) -> None:
    """ModelError for half a checkpoint: no weights, a shard that is missing or empty, no tokenizer."""
    files = weight_files(folder)
    if not files:
        raise ModelError(
            "the model can't be loaded: the folder has no weights",
            where=str(folder),
            accepted="model.safetensors, its shards with model.safetensors.index.json, or pytorch_model.bin",
        )
    missing = [file.name for file in files if not file.is_file() or file.stat().st_size == 0]
    if missing:
        named = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
        raise ModelError(
            f"the model can't be loaded: {len(missing)} of {len(files)} weight files are missing or empty ({named})",
            where=str(folder),
            accepted="the whole checkpoint: copy or download these files again",
        )
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            "the model can't be loaded: the folder has no tokenizer",
            where=str(folder),
            accepted="tokenizer.json, tokenizer.model, or vocab.json with merges.txt beside the weights",
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(
            f"the model can't be loaded: {path.name} is damaged: {error}", where=str(path.parent)
        ) from None
    if not isinstance(value, dict):
        raise ModelError(f"the model can't be loaded: {path.name} is no JSON object", where=str(path.parent))
    return value
