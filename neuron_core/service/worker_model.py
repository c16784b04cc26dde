"""The model of the worker: it loads one when it is needed, and releases it before it loads another."""

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from neuron_core.collector import importing
from neuron_core.models.local_files import files_state
from neuron_core.models.spec import ModelSpec
from neuron_core.service.prompt_lengths import Reader
from neuron_core.service.protocol import ModelState

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

Load = Callable[[ModelSpec, Callable[[str], None]], "Engine"]
"makes the engine of a spec; calls the function with each stage of loading"


def load_engine(spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
    """An engine with this model, loaded here. say: called with each stage of loading."""
    # It imports torch, which takes seconds.
    with importing():
        from neuron_core.engine.engine import Engine

    return Engine(spec, on_stage=say)


class WorkerModel:
    """At most one engine, and at most one tokenizer without weights."""

    def __init__(self, load: Load, on_change: Callable[[ModelState], None], on_release: Callable[[], None]) -> None:
        """on_change: called with the new state before and after a model is loaded. on_release: called before the
        loaded model is released, so that jobs that use it can be ended.
        """
        self._load, self._on_change, self._on_release = load, on_change, on_release
        self._engine: Engine | None = None
        self._files: tuple[object, ...] = ()
        "state of the files that the engine was loaded from"
        self._reader: tuple[ModelSpec, tuple[object, ...], Reader] | None = None
        self.spec: ModelSpec | None = None
        "of the loaded model"

    def engine(self, spec: ModelSpec, say: Callable[[str], None] = lambda _: None, *, in_run: bool = False) -> "Engine":
        """The engine of this model, which is loaded if it is not the one in memory or if its files have changed. Two
        may not fit into memory, so the one before is released first.

        in_run: a run is using the engine in memory, which stays whatever happens to its files.
        """
        files = files_state(spec)
        if self._engine is not None and self.spec == spec and (in_run or self._files == files):
            return self._engine
        self._on_release()
        if self._engine is not None:
            self._engine.close()
            self._engine = self.spec = None
            gc.collect()
        self._on_change(ModelState(loading=True))
        try:
            self._engine, self.spec, self._files = self._load(spec, say), spec, files
            return self._engine
        finally:
            self._on_change(self.state())

    def token_reader(self, spec: ModelSpec) -> Reader:
        """The tokenizer of this model: that of the engine, or else one that is loaded without the weights."""
        files = files_state(spec)
        if self._engine is not None and self.spec == spec and self._files == files:
            loaded, facts = self._engine.loaded, self._engine.facts()
            return Reader(facts.title, loaded.tokenizer, loaded.context_length, facts.chat)
        if self._reader is None or self._reader[:2] != (spec, files):
            self._reader = spec, files, Reader.of(spec, lambda _: None)
        return self._reader[2]

    def state(self) -> ModelState:
        """What the handle is told while no model is being loaded."""
        return ModelState(loading=False, facts=self._engine.facts() if self._engine else None, spec=self.spec)
