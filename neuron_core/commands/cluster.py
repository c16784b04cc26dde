"""The options that say where a run is computed, for all commands that carry out runs."""

from dataclasses import dataclass
from typing import Annotated

import typer

from neuron_core.commands.groups import OptionGroup
from neuron_core.engine.cluster_options import EXECUTORS, ClusterOptions, cluster_options


@dataclass(frozen=True)
class ClusterGroup(OptionGroup):
    """Whether a run is computed in this process or by actors of a Ray cluster."""

    executor: Annotated[
        str, typer.Option(help="local: in this process; ray: on the nodes of a Ray cluster, with equal results.")
    ] = EXECUTORS[0]
    address: Annotated[
        str, typer.Option(help="Address of the Ray cluster: auto, HOST:PORT, or local for one on this machine alone.")
    ] = "auto"
    actors: Annotated[
        str,
        typer.Option(
            help="How many actors hold a model: N, or MIN:MAX to begin with MIN and use up to MAX if there is room."
        ),
    ] = "1"
    gpus_per_actor: Annotated[
        float | None,
        typer.Option(
            help="GPUs of each actor: 1, a share such as 0.5, several, or 0; by default 1 if the cluster has GPUs."
        ),
    ] = None
    cpus_per_actor: Annotated[
        float, typer.Option(help="CPU cores of each actor, and its threads if it computes on the CPU.")
    ] = 1.0

    def options(self) -> ClusterOptions | None:
        """The cluster. None for this process. ConfigError as for `cluster_options`."""
        return cluster_options(self.executor, self.address, self.actors, self.gpus_per_actor, self.cpus_per_actor)
