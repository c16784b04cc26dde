"""In which precision CUDA multiplies float32 matrices: exactly, or in TF32, with both factors rounded to 10 bits.

torch keeps one setting for the whole process. Each model sets it only while it computes, and models that want
different settings take turns.
"""

import threading
from types import TracebackType

import torch

from neuron_core.models.loaded import LoadedModel
from neuron_core.models.spec import TF32

EXACT = "ieee"
"torch's word for products whose factors are not rounded"

_changed = threading.Condition()
_users: list[tuple[int, str]] = []
"thread and precision of everything that is computing on CUDA now, the latest last"
_usual = ""
"the setting of the process before the first of them"


class Products:
    """A context manager within which products of float32 matrices on CUDA have one precision, whatever the process has
    set. It can be entered any number of times, by several threads at once.

    Entering waits until no other thread computes in another precision. Leaving restores what was there before. Only
    models of this package are kept apart: other code of the process that multiplies on CUDA in the meantime is not.
    """

    def __init__(self, precision: str | None) -> None:
        """precision: `tf32` or `ieee`; None where nothing is computed on CUDA, and nothing is set."""
        self._precision = precision

    def __enter__(self) -> None:
        global _usual
        if self._precision is None:
            return
        own = threading.get_ident()
        with _changed:
            _changed.wait_for(lambda: all(own == thread or self._precision == each for thread, each in _users))
            if not _users:
                _usual = torch.backends.cuda.matmul.fp32_precision
            torch.backends.cuda.matmul.fp32_precision = self._precision
            _users.append((own, self._precision))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._precision is None:
            return
        with _changed:
            here = (threading.get_ident(), self._precision)
            del _users[len(_users) - 1 - _users[::-1].index(here)]
            torch.backends.cuda.matmul.fp32_precision = _users[-1][1] if _users else _usual
            _changed.notify_all()


def products_of(loaded: LoadedModel) -> Products:
    """The precision that the model's spec asks for: TF32 for the dtype `tf32`, exact for every other."""
    return Products((TF32 if loaded.spec.dtype == TF32 else EXACT) if loaded.device.type == "cuda" else None)


def exact_products(device: torch.device) -> Products:
    """Products that are not rounded, for the checks of a model at its load."""
    return Products(EXACT if device.type == "cuda" else None)
