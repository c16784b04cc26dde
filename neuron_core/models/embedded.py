"""The embedded model as a checkpoint in the user's cache."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from neuron_core.errors import ModelError
from neuron_core.models.adapter import adapter_sha256, merge_adapter, read_adapter
from neuron_core.models.kept_files import is_whole, keep_states
from neuron_core.models.spec import ADAPTER_FILE, EMBEDDED, EMBEDDED_SHA256, ModelSpec, embedded_gguf, sha256_of


def cache_dir() -> Path:
    """The folder of converted models: NEURONLLM_CACHE, or one in the user's cache."""
    return Path(os.environ.get("NEURONLLM_CACHE") or user_cache_path("neuronllm-explorer"))


def converted_embedded(spec: ModelSpec, say: Callable[[str], None], read: Callable[[Path], tuple[Any, Any]]) -> Path:
    """The folder in the user's cache with the embedded GGUF as a float32 checkpoint. The demo adapter is merged into it
    if the spec asks for it. It is converted once, because reading the checkpoint takes a twentieth of the time.

    read: gives the model, in float32, and the tokenizer of a GGUF file. The name of the folder holds the hashes of the
    files that it was made from. A folder whose files have been changed since it was made is made again. ModelError when
    the GGUF file is not the pinned one, when the adapter is missing or damaged, or when the cache can't be written.
    """
    with_adapter = spec.source == EMBEDDED
    name = EMBEDDED_SHA256[:16] + (f"-{adapter_sha256(ADAPTER_FILE)[:16]}" if with_adapter else "")
    target = cache_dir() / "models" / name
    if is_whole(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(target) + ".lock"):
            if not is_whole(target):
                _convert(target, with_adapter, say, read)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the embedded model can't be converted: {getattr(error, 'strerror', None) or error}",
            where=str(target.parent),
            accepted="a folder that this user may write to, with 0.6 GB free; NEURONLLM_CACHE names it",
        ) from error
    with suppress(OSError):
        Path(str(target) + ".lock").unlink()
    return target


def _convert(
    target: Path, with_adapter: bool, say: Callable[[str], None], read: Callable[[Path], tuple[Any, Any]]
) -> None:
    source = embedded_gguf()
    say("checking the embedded weights")
    found = sha256_of(source)
    if found != EMBEDDED_SHA256:
        raise ModelError(
            f"the embedded weights are not the pinned ones (sha256 {found[:12]}…)",
            where=source.name,
            accepted=f"sha256 {EMBEDDED_SHA256}",
        )
    again = "again: the kept ones were changed, or are of an earlier version" if target.exists() else "(once)"
    say(f"converting the embedded weights {again}")
    transformers_logging.disable_progress_bar()
    model, tokenizer = read(source)
    if with_adapter:
        say("merging the demo adapter (once)")
        merge_adapter(model, read_adapter(ADAPTER_FILE))
    half_made = target.with_suffix(".part")
    _remove(half_made)
    try:
        model.save_pretrained(half_made)
        tokenizer.save_pretrained(half_made)
        keep_states(half_made)
        _remove(target)
        half_made.rename(target)
    except BaseException:
        with suppress(OSError):
            _remove(half_made)
        raise


def _remove(path: Path) -> None:
    """Removes a folder, a file, or a link; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
