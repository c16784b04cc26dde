"""Repeats a pass that ran out of memory with a smaller size."""

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
    """Calls `attempt` with smaller and smaller sizes until memory suffices. Returns its result and the size.

    smaller: the next smaller size, None when there is none. on_smaller: called with every smaller size that is tried.
    ModelError when memory does not suffice for the smallest size. Other errors are raised unchanged.
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
        # After the handler has ended, because the error's traceback keeps the tensors of the failed pass alive.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = less
        on_smaller(size)
