"""Makes the engines of models, in this process or on a cluster. One at a time, because two models may not fit."""

from typing import TYPE_CHECKING, Protocol

from neuron_core.collector import importing
from neuron_core.engine.cluster_options import ClusterOptions, check_ray, prepare_ray
from neuron_core.engine.run_engine import RunEngine
from neuron_core.models.local_files import files_state
from neuron_core.models.spec import ModelSpec

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine
    from neuron_core.engine.run_engine import Say


class Engines(Protocol):
    """Gives the engines for runs of several models, one after the other."""

    def engine(self, spec: ModelSpec, say: "Say") -> RunEngine:
        """The engine of this model. It is kept until another model is asked for. say: told what goes on."""
        ...

    def close(self) -> None:
        """Releases the model, or ends the actors."""
        ...


def engines_for(cluster: ClusterOptions | None) -> Engines:
    """Engines whose actors are on this cluster, or engines in this process if there is no cluster."""
    if cluster is None:
        return LocalEngines()
    check_ray()
    prepare_ray(cluster.address)
    from neuron_core.engine.ray_engine import RayEngines

    return RayEngines(cluster)


class LocalEngines:
    """Engines in this process."""

    def __init__(self) -> None:
        self._held: tuple[ModelSpec, object, Engine] | None = None

    def engine(self, spec: ModelSpec, say: "Say") -> "Engine":
        with importing():
            from neuron_core.engine.engine import Engine

        files = files_state(spec)
        if self._held is None or self._held[:2] != (spec, files):
            self.close()
            self._held = spec, files, Engine(spec, on_stage=say)
        return self._held[2]

    def close(self) -> None:
        """Releases the model."""
        if self._held is not None:
            self._held[2].close()
            self._held = None
