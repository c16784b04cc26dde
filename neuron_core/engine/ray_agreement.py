"""Refuses actors whose results would differ from those of the others: other libraries, weights or devices. No Ray."""

from neuron_core.engine.ray_actor import LoadedOn, Place, versions
from neuron_core.errors import RunError


def refuse_other_versions(place: Place) -> None:
    """RunError when an actor's program, Python or libraries are not those of the process that starts the run."""
    here = versions()
    other = [
        f"{name} {place.versions.get(name, 'missing')}, here {value}"
        for name, value in here.items()
        if place.versions.get(name) != value
    ]
    if other:
        raise RunError(
            f"an actor has other versions: {'; '.join(other)}",
            where=f"node {place.node}",
            accepted="the same versions on every node as on the machine that starts the run",
        )


def refuse_other_model(first: LoadedOn, found: LoadedOn, place: Place) -> None:
    """RunError when an actor's weights, dtype, kind of device or torch are not those of the first actor."""
    for what, ours, theirs in (
        ("weights (fingerprint)", first.facts.fingerprint, found.facts.fingerprint),
        ("dtype", first.facts.dtype, found.facts.dtype),
        ("device", first.facts.device.partition(":")[0], found.facts.device.partition(":")[0]),
        ("torch", first.build, found.build),
    ):
        if ours != theirs:
            raise RunError(
                f"the actors differ in {what}: {theirs} here, {ours} on the first of them",
                where=f"node {place.node}",
                accepted="the same model, dtype, kind of device and libraries on every node",
            )
