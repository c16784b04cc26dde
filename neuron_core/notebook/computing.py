"""Computes what a run lacks, with the engine that stays loaded between two calls or with a Ray cluster."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from neuron_core.collector import importing
from neuron_core.commands.common import is_finished
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.engines import engines_for
from neuron_core.models.spec import ModelSpec
from neuron_core.notebook.progress import shown_progress
from neuron_core.runs.repair import repair
from neuron_core.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine
    from neuron_core.engine.run_engine import OtherEngine

_loaded: "list[tuple[ModelSpec, Engine]]" = []
"the engine that is kept, with its model; at most one"


def finish(folder: RunFolder, progress: bool, cluster: ClusterOptions | None = None) -> None:
    """Sets damaged files aside and computes what is missing. The caller holds the run's lock."""
    repair(folder)
    if not is_finished(folder):
        carry_out(folder, progress, cluster)


def carry_out(folder: RunFolder, progress: bool, cluster: ClusterOptions | None = None) -> None:
    """Computes a run in this process or on a cluster. progress: whether to show it."""
    from neuron_core.engine.execute import execute

    engines = engines_for(cluster) if cluster else None
    engine_for: OtherEngine = engines.engine if engines else _engine
    try:
        with shown_progress(progress) as watch:
            execute(
                folder,
                lambda say: engine_for(folder.config().model, say),
                other_engine=engine_for,
                on_progress=watch,
            )
    finally:
        if engines:
            engines.close()


def unload() -> None:
    """Closes the engine that is kept, if there is one, and frees its memory."""
    while _loaded:
        _loaded.pop()[1].close()


def _engine(spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
    """The kept engine if it has this model; otherwise a new one. The old one is closed first to free its memory."""
    with importing():
        from neuron_core.engine.engine import Engine

    if not _loaded or _loaded[0][0] != spec:
        unload()
        _loaded.append((spec, Engine(spec, on_stage=say)))
    return _loaded[0][1]
