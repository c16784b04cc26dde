"""The options that say where a run is computed, for every command that carries runs out."""

from dataclasses import dataclass
from typing import Annotated

import typer

from neuron_core.commands.groups import OptionGroup
from neuron_core.engine.cluster_options import EXECUTORS, ClusterOptions, cluster_options


@dataclass(frozen=True)
class ClusterGroup(OptionGroup):
    """In this process, or by actors of a Ray cluster."""

    executor: Annotated[
        str, typer.Option(help="local: in this process; ray: on the nodes of a Ray cluster, with equal results.")
    ] = EXECUTORS[0]
    address: Annotated[
        str, typer.Option(help="Of the Ray cluster: auto, HOST:PORT, or local for one on this machine alone.")
    ] = "auto"
    actors: Annotated[
        str, typer.Option(help="Models at work at once: N, or MIN:MAX to begin with MIN and go up to MAX with room.")
    ] = "1"
    gpus_per_actor: Annotated[
        float | None, typer.Option(help="1, a share such as 0.5, or 0; by default 1 where the cluster has GPUs.")
    ] = None
    cpus_per_actor: Annotated[
        float, typer.Option(help="Cores of an actor, and its threads where it computes on them.")
    ] = 1.0

    def options(self) -> ClusterOptions | None:
        """The cluster; None in this process. ConfigError as of `cluster_options`."""
        return cluster_options(self.executor, self.address, self.actors, self.gpus_per_actor, self.cpus_per_actor)
