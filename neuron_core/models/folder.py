"""Checks the folder of a checkpoint before anything large is read. No torch."""

import importlib.util
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.json_files import MOST_JSON
from neuron_core.paths import read_regular

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer_config.json")
"a tokenizer needs at least one of these files"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"the weights in one file; for shards, a file of the same name with `.index.json` lists them"
LAYERS, MOST_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 10_000
"names of the number of layers in configs, and its bound: so many modules are made before a weight is read"
SMALL_JSON = ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
SHARD = re.compile(r"(model|pytorch_model)-\d{5}-of-\d{5}\.(safetensors|bin)")
VARIANT = re.compile(
    r"(?:model|pytorch_model)(?:-\d{5}-of-\d{5})?\.(?P<name>[\w]+?)(?:-\d{5}-of-\d{5})?\.(safetensors|bin)"
)
OTHER_FORMS = ("tf_model.h5", "flax_model.msgpack", "rust_model.ot", ".onnx", ".pth", ".pt", ".ckpt", ".mlmodel")
"endings of weights that transformers does not read here"


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json. ModelError when it is absent, damaged or without a model_type."""
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError("the folder has no config.json", where=str(folder), accepted="a transformers checkpoint")
    config = _json(path)
    if not isinstance(config.get("model_type"), str):
        raise ModelError("the model can't be loaded: its config.json names no model_type", where=str(folder))
    for name in LAYERS:
        if isinstance(config.get(name), int) and config[name] > MOST_LAYERS:
            raise ModelError(
                f"the model can't be loaded: its config.json claims {config[name]} layers",
                where=str(folder),
                accepted=f"at most {MOST_LAYERS}",
            )
    return config


def refuse_code(config: Any, where: str) -> None:
    """ModelError for a config that names a program of the hub, for instance for its attention: transformers would fetch
    and run it without being asked to trust it.
    """
    for name, value in config.items() if isinstance(config, dict) else ():
        if name.endswith("_implementation") and "/" in str(value):
            raise ModelError(
                f"the config names a program of the hub: {name} = {str(value)[:100]!r}",
                where=where,
                accepted="a config.json without this entry",
            )
        refuse_code(value, where)


def check_adapter(folder: Path, adapter: str | None) -> None:
    """ModelError if an adapter lies in a model's folder and the spec does not say whether it is merged."""
    if not (folder / ADAPTER_CONFIG).is_file():
        return
    if not (folder / "config.json").is_file():
        base = _json(folder / ADAPTER_CONFIG).get("base_model_name_or_path") or "the model that it was trained on"
        raise ModelError(
            f"the folder holds an adapter of {base} alone",
            where=str(folder),
            accepted=f"--model {base} --adapter {folder}",
        )
    if adapter is None:
        raise ModelError(
            f"an adapter lies beside the weights ({ADAPTER_CONFIG})",
            where=str(folder),
            accepted=f"--adapter {folder} to merge it, --adapter none to leave it out",
        )


@contextmanager
def without_adapter(folder: Path) -> Iterator[Path]:
    """The folder, or a view of it without an adapter that lies in it. With `peft` installed, transformers would add
    that adapter to the model.
    """
    if not (folder / ADAPTER_CONFIG).is_file():
        yield folder
        return
    with tempfile.TemporaryDirectory() as view:
        for file in folder.iterdir():
            if file.name not in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
                (Path(view) / file.name).symlink_to(file.absolute())
        yield Path(view)


def weight_files(folder: Path) -> list[Path]:
    """The files of the weights, also those that are listed but missing. Empty if the folder has no weights."""
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if index.is_file():
            shards = _json(index).get("weight_map")
            listed = list(shards.values()) if isinstance(shards, dict) else []
            if not listed or not all(isinstance(shard, str) and Path(shard).name == shard for shard in listed):
                raise ModelError(
                    f"the model can't be loaded: {index.name} is damaged: it does not name a file for each weight",
                    where=str(folder),
                    accepted="the whole checkpoint: copy or download this file again",
                )
            return [folder / shard for shard in sorted(set(listed))]
        if (folder / name).is_file():
            return [folder / name]
    return []


def check_names(names: Iterable[str], where: str, what: str = "folder") -> None:
    """ModelError if no model can be loaded from files of these names: there are no weights, or none that transformers
    reads here, or the tokenizer needs a package that is not installed.
    """
    names = sorted(names)
    if problem := _no_weights(names):
        said, accepted = problem
        raise ModelError(f"the model can't be loaded: the {what} {said}", where=where, accepted=accepted)
    alone = "tokenizer.model" in names and not {"tokenizer.json", "vocab.json"} & set(names)
    if alone and not any(importlib.util.find_spec(package) for package in ("sentencepiece", "tiktoken")):
        raise _needs_sentencepiece(where)


def _no_weights(names: list[str]) -> tuple[str, str] | None:
    """What is wrong with the weights among these files, and what is accepted. None if nothing is."""
    if any(name in names or f"{name}.index.json" in names for name in WEIGHTS):
        return None
    whole = "model.safetensors, its shards with model.safetensors.index.json, or pytorch_model.bin"
    if shards := [name for name in names if SHARD.fullmatch(name)]:
        return f"has shards of weights ({shards[0]} first) and no index that lists them", whole
    if own := [name for name in names if name.startswith("consolidated.")]:
        return f"has weights in their publisher's own form ({own[0]}), not in that of transformers", whole
    if variants := [found for name in names if (found := VARIANT.fullmatch(name))]:
        return f"has only a variant of the weights, {variants[0]['name']!r} ({variants[0][0]})", whole
    if gguf := [name for name in names if name.casefold().endswith(".gguf")]:
        return f"holds GGUF files: {', '.join(gguf)}", "one of these files by its path, after a download where needed"
    if other := [name for name in names if name.endswith((".safetensors", *OTHER_FORMS))]:
        return f"has weights in a form that is not read, or under another name ({other[0]})", whole
    return "has no weights", whole


def _needs_sentencepiece(where: str) -> ModelError:
    return ModelError(
        "the tokenizer is a tokenizer.model alone: it needs the package sentencepiece, which is not installed",
        where=where,
        accepted="python -m pip install sentencepiece, or a tokenizer.json beside it",
    )


def check_tokenizer(folder: Path) -> None:
    """ModelError if the tokenizer is absent, damaged, or needs a package that is not installed."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            "the model can't be loaded: the folder has no tokenizer",
            where=str(folder),
            accepted="tokenizer.json, tokenizer.model, or vocab.json with merges.txt beside the weights",
        )
    for name in (*TOKENIZER_FILES, *SMALL_JSON):
        if (folder / name).is_file() and (folder / name).stat().st_size == 0:
            raise ModelError(
                f"the model can't be loaded: {name} is empty",
                where=str(folder),
                accepted="the whole file, fetched or copied anew",
            )
    for name in SMALL_JSON:
        if (folder / name).is_file():
            _json(folder / name)
    model = folder / "tokenizer.model"
    if (
        model.is_file()
        and not (folder / "tokenizer.json").is_file()
        and not (folder / "vocab.json").is_file()
        and importlib.util.find_spec("sentencepiece") is None
    ):
        with model.open("rb") as file:
            # A file of sentencepiece begins with its first piece, one of tiktoken with base64.
            if file.read(1) == b"\n":
                raise _needs_sentencepiece(str(folder))


def check_folder(folder: Path) -> None:
    """ModelError for an incomplete checkpoint: no weights, a shard that is missing or empty, no tokenizer."""
    check_names((path.name for path in folder.iterdir()), str(folder))
    files = weight_files(folder)
    missing = [file.name for file in files if not file.is_file() or file.stat().st_size == 0]
    if missing:
        named = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
        raise ModelError(
            f"the model can't be loaded: {len(missing)} of {len(files)} weight files are missing or empty ({named})",
            where=str(folder),
            accepted="the whole checkpoint: copy or download these files again",
        )
    check_tokenizer(folder)


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_JSON:
            raise ValueError(f"it has {path.stat().st_size} bytes, more than {MOST_JSON}")
        value = json.loads(read_regular(path))
    except RecursionError:
        raise ModelError(
            f"the model can't be loaded: {path.name} is damaged: it is nested too deep", where=str(path.parent)
        ) from None
    except ValueError as error:
        raise ModelError(
            f"the model can't be loaded: {path.name} is damaged: {error}", where=str(path.parent)
        ) from None
    if not isinstance(value, dict):
        raise ModelError(f"the model can't be loaded: {path.name} is no JSON object", where=str(path.parent))
    return value
