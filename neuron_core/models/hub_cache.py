"""Models in the cache of the Hugging Face hub. Never asks the network. No torch."""

from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.folder import check_folder, read_config
from neuron_core.models.spec import ModelSpec

CONFIGS = ("*.json", "tokenizer*", "*.model", "vocab*", "merges.txt", "*.jinja")
DIGITS = "[0-9]" * 5
SAFETENSORS = ("model.safetensors", f"model-{DIGITS}-of-{DIGITS}.safetensors")
PICKLES = ("pytorch_model.bin", f"pytorch_model-{DIGITS}-of-{DIGITS}.bin")
CODE = ("*.py",)
UNWANTED = ("*/*", "*training_args*")
"other formats of the same weights lie in folders"


def cached_config(spec: ModelSpec) -> dict[str, Any] | None:
    """config.json of a hub model if it lies in the cache."""
    folder = cached_folder(spec, ("config.json",))
    return None if folder is None or not (folder / "config.json").is_file() else read_config(folder)


def has_cached_tokenizer(spec: ModelSpec) -> bool:
    """Whether config and tokenizer of a hub model lie in the cache."""
    folder = cached_folder(spec, CONFIGS)
    return folder is not None and (folder / "config.json").is_file() and any(folder.glob("tokenizer*"))


def cached_ids() -> list[str]:
    """Ids of the models that lie whole in the hub's cache, so that they load without a network."""
    from huggingface_hub import constants

    found = []
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*")):
        try:
            check_folder(folder)
        except ModelError:
            continue
        found.append(folder.parents[1].name.removeprefix("models--").replace("--", "/"))
    return sorted(set(found))


def cached_folder(spec: ModelSpec, patterns: tuple[str, ...]) -> Path | None:
    """The folder of a hub model in the cache. None when the cache does not have all files that match the patterns."""
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                spec.source,
                revision=spec.revision,
                allow_patterns=list(patterns),
                ignore_patterns=list(UNWANTED),
                local_files_only=True,
            )
        )
    # It is not there, or only a part of it.
    except (OSError, ValueError):
        return None


def is_whole(folder: Path, patterns: tuple[str, ...]) -> bool:
    """Whether a cached folder has what the patterns ask for: a config, or everything that a load needs."""
    try:
        read_config(folder)
        if "config.json" not in patterns:
            check_folder(folder)
    except ModelError:
        return False
    return True
