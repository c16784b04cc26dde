"""The options of a run that is computed by actors of a Ray cluster instead of this process. No torch, no Ray."""

import importlib.util
import os
import re
from dataclasses import dataclass

from neuron_core.errors import ConfigError

REQUIREMENT = "ray~=2.60"
INSTALL = f'python -m pip install "{REQUIREMENT}"'
EXECUTORS = ("local", "ray")
MOST_GPUS = 64
"GPUs of an actor at most: all are in one machine"
LOOPBACK = ("127.0.0.1", "localhost")
CLUSTER_WORDS = "Ray: "
"how the messages of a run on a cluster begin"


@dataclass(frozen=True)
class ClusterOptions:
    """Actors of a Ray cluster. They change no result, so they are not part of a run's config."""

    address: str = "auto"
    "auto: the cluster that this machine belongs to; HOST:PORT; local: a cluster of this machine alone"
    least: int = 1
    "how many actors must have loaded the model before a run begins"
    most: int = 1
    "how many actors may join as soon as the cluster has room for them"
    gpus: float | None = None
    "GPUs of each actor: 1, a share such as 0.5, several, or 0; None for 1 if the cluster has GPUs, else 0"
    cpus: float = 1
    "CPU cores of each actor; if it computes on the CPU, also its threads"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|local|[\w.-]+:\d{1,5}", self.address):
            raise ConfigError(f"the address {self.address!r}", where="address", accepted="auto, local, or HOST:PORT")
        if not 1 <= self.least <= self.most:
            raise ConfigError(
                f"{self.least} to {self.most} actors", where="actors", accepted="N, or MIN:MAX, from 1 upwards"
            )
        if self.gpus is not None and not (0 <= self.gpus <= 1 or self.gpus in range(MOST_GPUS + 1)):
            raise ConfigError(
                f"{self.gpus:g} GPUs an actor",
                where="gpus-per-actor",
                accepted=f"0, a share such as 0.5, or a whole number up to {MOST_GPUS}",
            )
        if not 0 < self.cpus <= 1024:
            raise ConfigError(f"{self.cpus:g} CPUs an actor", where="cpus-per-actor", accepted="more than 0")


def cluster_options(
    executor: str, address: str = "auto", actors: str = "1", gpus: float | None = None, cpus: float = 1
) -> ClusterOptions | None:
    """The ClusterOptions that the options of a command describe. None for the executor `local`.

    actors: `N` or `MIN:MAX`. ConfigError for an unknown executor, for a wrong value, or when Ray is not installed.
    """
    if executor not in EXECUTORS:
        raise ConfigError(f"unknown executor {executor!r}", where="executor", accepted=", ".join(EXECUTORS))
    if executor == "local":
        if (address, actors, gpus, cpus) != ("auto", "1", None, 1):
            raise ConfigError(
                "an address, actors, or their CPUs and GPUs are given without a cluster",
                where="executor",
                accepted="executor ray",
            )
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?::([0-9]{1,5}))?", actors)
    if found is None:
        raise ConfigError(f"actors {actors!r}", where="actors", accepted="N, or MIN:MAX, for instance 4 or 2:8")
    options = ClusterOptions(address, int(found[1]), int(found[2] or found[1]), gpus, cpus)
    check_ray()
    return options


def prepare_ray(address: str) -> None:
    """Sets the environment variables of Ray, which must be done before Ray is imported.

    By default Ray replaces 127.0.0.1 by the machine's address in the network, where nobody listens or where other
    machines can connect. This is switched off.
    """
    if address == "local" or address.rpartition(":")[0] in LOOPBACK:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    # Ray sends no usage statistics.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # An actor without a GPU sees no GPU, and Ray does not warn about it.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def has_ray() -> bool:
    """Whether Ray is installed."""
    return importlib.util.find_spec("ray") is not None


def check_ray() -> None:
    """ConfigError with the command that installs Ray, if it is missing."""
    if not has_ray():
        raise ConfigError("Ray is not installed", where="executor ray", accepted=INSTALL)
