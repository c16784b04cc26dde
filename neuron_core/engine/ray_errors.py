"""Turns the errors of Ray, and those that actors raise, into errors of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

from ray.exceptions import RayError, RayTaskError

from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.errors import NeuronCoreError, RunError


@contextmanager
def cluster_errors(options: ClusterOptions) -> Iterator[None]:
    """RunError in place of what Ray and the network raise."""
    try:
        yield
    except (RayError, OSError) as error:
        raise RunError(
            f"the Ray cluster can't be used: {(str(error).strip() or repr(error)).splitlines()[0]}",
            where=f"address {options.address}",
            accepted="`ray start --head` on one machine and `ray start --address HOST:6379` on the others, then "
            "--address HOST:6379; or --address local; what was finished is kept",
        ) from error


@contextmanager
def actor_errors(node: str | None) -> Iterator[None]:
    """The error that an actor raised, with its node. An error that is not of this program becomes a RunError.

    node: address of the actor's machine; None before the actor has a place.
    """
    try:
        yield
    except RayTaskError as error:
        place = f"node {node}" if node else None
        cause = error.cause
        if isinstance(cause, NeuronCoreError):
            where = ", ".join(filter(None, (cause.where, place)))
            raise type(cause)(cause.what, where=where, accepted=cause.accepted) from error
        raise RunError(f"{type(cause).__name__}: {cause}", where=place) from error
