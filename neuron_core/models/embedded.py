"""The embedded model as a checkpoint in the user's cache."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path
from transformers.utils import logging as transformers_logging

from neuron_core.errors import ModelError
from neuron_core.models.adapter import adapter_sha256, merge_adapter, read_adapter
from neuron_core.models.spec import ADAPTER_FILE, EMBEDDED, EMBEDDED_SHA256, ModelSpec, embedded_gguf, sha256_of


def cache_dir() -> Path:
    """The folder of converted models: NEURONLLM_CACHE, or one in the user's cache."""
    return Path(os.environ.get("NEURONLLM_CACHE") or user_cache_path("neuronllm-explorer"))


def converted_embedded(spec: ModelSpec, say: Callable[[str], None], read: Callable[[Path], tuple[Any, Any]]) -> Path:
    """The folder in the user's cache with the embedded GGUF as a float32 checkpoint. The demo adapter is merged into it
    if the spec asks for it. It is converted once, because reading the checkpoint takes a twentieth of the time.

    read: gives the model, in float32, and the tokenizer of a GGUF file. The name of the folder holds the hashes of the
    files that it was made from. ModelError when the GGUF file is not the pinned one, or when the adapter is missing or
    damaged.
    """
    with_adapter = spec.source == EMBEDDED
    name = EMBEDDED_SHA256[:16] + (f"-{adapter_sha256(ADAPTER_FILE)[:16]}" if with_adapter else "")
    target = cache_dir() / "models" / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(str(target) + ".lock"):
        if target.is_dir():
            return target
        source = embedded_gguf()
        say("checking the embedded weights")
        found = sha256_of(source)
        if found != EMBEDDED_SHA256:
            raise ModelError(
                f"the embedded weights are not the pinned ones (sha256 {found[:12]}…)",
                where=source.name,
                accepted=f"sha256 {EMBEDDED_SHA256}",
            )
        say("converting the embedded weights (once)")
        transformers_logging.disable_progress_bar()
        model, tokenizer = read(source)
        if with_adapter:
            say("merging the demo adapter (once)")
            merge_adapter(model, read_adapter(ADAPTER_FILE))
        half_made = target.with_suffix(".part")
        shutil.rmtree(half_made, ignore_errors=True)
        model.save_pretrained(half_made)
        tokenizer.save_pretrained(half_made)
        half_made.rename(target)
    with suppress(OSError):
        Path(str(target) + ".lock").unlink()
    return target
