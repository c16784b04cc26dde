"""NeuronLLM Explorer: good and bad feed-forward neurons of a language model for a task.

For a notebook:

    import neuron_core as nc

    run = nc.run(task="ner", examples=5, evaluate=50)
    run.neurons(k=50)
    run.effects()
    run.figure("layers")

Everything else is imported from the modules. Importing this package loads no torch; only a run that computes does.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

# First, so that it never takes the place of the function of the same name: see _RunsPackage.
import neuron_core.runs as _runs_package

if TYPE_CHECKING:
    from neuron_core.engine.cluster_options import ClusterOptions
    from neuron_core.models.spec import ModelSpec
    from neuron_core.notebook import Run
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
    """Finds the good and bad neurons of a task and, if asked to, tries them; gives the finished run.

    task: a bundled task's name, a file of examples, or "hub:ID"; or a RunConfig, which holds every setting there is and
        takes the place of the other arguments.
    model: "embedded", a hub id, a checkpoint folder, a .gguf file, or a ModelSpec (with dtype, device, revision). It
        stays loaded for the next call; `unload` frees its memory.
    examples: attribution examples, three questions each (tr of Eq. 5).
    evaluate: evaluation examples; None leaves the evaluation out. `Run.evaluate` can make it later.
    methods: rankings to make; the first is the one shown.
    k: budgets of the evaluation, numbers of neurons, good and bad together.
    seed: of the draws of examples and of the option orders.
    progress: whether to show it; False hides it; else it is shown in a notebook and on a terminal.
    cluster: actors of a Ray cluster that compute the run; None: this process. The numbers are the same.

    The run is a folder in the store that the app and the command line use. NeuronCoreError says what is wrong with a
    task, a model or a setting; where nothing was computed no folder is left.
    """
    from neuron_core import notebook

    config = notebook.config_of(task, model, examples, evaluate, methods, k, seed)
    return notebook.run(config, progress, cluster)


def open(name: "str | Path") -> "Run":
    """A saved run, by its id or by the path of its folder; "demo" is the finished demo. RunError for an unknown one."""
    from neuron_core import notebook

    return notebook.open_run(name)


def runs() -> "list[Run]":
    """Every run of the store, newest first."""
    from neuron_core import notebook

    return notebook.all_runs()


def unload() -> None:
    """Frees the model that the last call of `run` left loaded."""
    from neuron_core import notebook

    notebook.unload()


_list_runs = runs


class _RunsPackage(ModuleType):
    """`neuron_core.runs` is a function for people and a package for imports: this package can be called."""

    def __call__(self) -> "list[Run]":
        return _list_runs()


_runs_package.__class__ = _RunsPackage
if not TYPE_CHECKING:
    runs = _runs_package


def __getattr__(name: str) -> Any:
    if name == "Run":
        from neuron_core.notebook import Run

        return Run
    raise AttributeError(f"module 'neuron_core' has no attribute {name!r}")
