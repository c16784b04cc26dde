"""NeuronLLM Explorer: finds the good and bad feed-forward neurons of a language model for a task.

In a notebook:

    import neuron_core as nc

    run = nc.run(task="ner", examples=5, evaluate=50)
    run.neurons(k=50)
    run.effects()
    run.figure("layers")

Everything else is imported from the modules. Importing this package does not import torch; computing a run does.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

# Imported first, so that it cannot replace the function of the same name later: see _RunsPackage.
import neuron_core.runs as _runs_package

if TYPE_CHECKING:
    from neuron_core.engine.cluster_options import ClusterOptions
    from neuron_core.models.spec import ModelSpec
    from neuron_core.notebook.run import Run
    from neuron_core.runs.config import RunConfig

__all__ = ["Run", "open", "run", "runs", "unload"]
__version__ = "0.1.0"


def run(
    task: "str | Path | RunConfig" = "sentiment",
    model: "str | ModelSpec" = "embedded",
    *,
    examples: int = 5,
    evaluate: int | None = None,
    methods: Sequence[str] = ("ace",),
    k: Sequence[int] = (10, 25, 50, 100),
    seed: int = 0,
    progress: bool = True,
    cluster: "ClusterOptions | None" = None,
) -> "Run":
    """Finds the good and bad neurons of a task, evaluates interventions on them if asked to, and returns the run.

    task: the name of a bundled task, a file of examples, or "hub:ID". A RunConfig holds every setting and replaces the
        other arguments.
    model: "embedded", a hub id, a checkpoint folder, a .gguf file, or a ModelSpec (with dtype, device, revision). The
        model stays loaded for the next call; `unload` frees its memory.
    examples: number of attribution examples, with three questions each (tr of Eq. 5).
    evaluate: number of evaluation examples; None skips the evaluation. `Run.evaluate` can add it later.
    methods: the attribution methods; tables and figures show the first one by default.
    k: budgets of the evaluation, each a number of neurons, good and bad together.
    seed: seeds the draws of examples and the orders of options.
    progress: whether to show progress in a notebook or on a terminal.
    cluster: the actors of a Ray cluster that compute the run; None computes in this process. The numbers are the same.

    The run is a folder in the store that the app and the command line use as well. Raises NeuronCoreError for a task, a
    model or a setting that cannot be used. If nothing could be computed, no folder is left.
    """
    from neuron_core.notebook import run as notebook

    config = notebook.config_of(task, model, examples, evaluate, methods, k, seed)
    return notebook.run(config, progress, cluster)


def open(name: "str | Path") -> "Run":
    """Opens a saved run by its id or the path of its folder; "demo" is a finished demo. Raises RunError if unknown."""
    from neuron_core.notebook.run import open_run

    return open_run(name)


def runs() -> "list[Run]":
    """Every run of the store, newest first."""
    from neuron_core.notebook.run import all_runs

    return all_runs()


def unload() -> None:
    """Frees the model that the last call of `run` left loaded."""
    from neuron_core.notebook.computing import unload

    unload()


_list_runs = runs


class _RunsPackage(ModuleType):
    """Makes the package `neuron_core.runs` callable, so that `neuron_core.runs()` lists the runs."""

    def __call__(self) -> "list[Run]":
        return _list_runs()


_runs_package.__class__ = _RunsPackage
if not TYPE_CHECKING:
    runs = _runs_package


def __getattr__(name: str) -> Any:
    if name == "Run":
        from neuron_core.notebook.run import Run

        return Run
    raise AttributeError(f"module 'neuron_core' has no attribute {name!r}")
