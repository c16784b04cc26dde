"""Sets how the threads of a matrix product wait for each other. OpenMP reads it when torch is imported. No torch."""

from collections.abc import Mapping

SPINS = "8000"
"how often a waiting thread of GNU OpenMP checks before it sleeps: a few tenths of a millisecond"


def openmp_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables to add; empty if one of them is already set.

    Threads that sleep at once are woken thousands of times during a question, and waking takes longer than the
    work in between. Threads that spin for long keep a busy machine's processors from other work. These settings
    let them spin for a moment and then sleep.
    """
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": SPINS}
    return {} if wanted.keys() & environment.keys() else wanted
