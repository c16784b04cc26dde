"""Out of memory: the same again in smaller passes."""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from neuron_core.errors import ModelError
from neuron_core.models.device import is_out_of_memory

Size = TypeVar("Size")
Result = TypeVar("Result")


def until_it_fits(
    attempt: Callable[[Size], Result],
    size: Size,
    smaller: Callable[[Size], Size | None],
    on_smaller: Callable[[Size], None],
) -> tuple[Result, Size]:
    """The result of the first attempt that memory suffices for, and its size; `on_smaller` is told every smaller one.

    ModelError when it does not suffice for the smallest; other errors pass through.
    """
    while True:
        try:
            return attempt(size), size
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            less = smaller(size)
            if less is None:
                raise ModelError(
                    "memory does not suffice for the smallest pass",
                    where=str(error).strip().split("\n")[0] or "memory",
                    accepted="shorter prompts, a smaller dtype or model, a device with more memory",
                ) from error
        # Not in the handler: the error's traceback holds the tensors of the pass that failed.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = less
        on_smaller(size)
