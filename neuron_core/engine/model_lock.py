"""The lock of an engine's model."""

import threading
from types import TracebackType

from neuron_core.models.loaded import LoadedModel
from neuron_core.models.products import products_of


class ModelLock:
    """Held by one thread at a time, which may take it again. While it is held, CUDA multiplies in the precision that
    the model's dtype says, see `models.products`.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._thread = threading.RLock()
        self._products = products_of(loaded)

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            self._products.__enter__()
        except BaseException:
            self._thread.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._products.__exit__(kind, error, trace)
        finally:
            self._thread.release()
