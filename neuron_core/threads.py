"""How threads of one matrix product wait for each other: read by OpenMP when torch is imported. No torch."""

from collections.abc import Mapping

SPINS = "8000"
"turns, a few tenths of a millisecond, that a waiting thread of GNU's OpenMP goes round before it sleeps"


def waiting(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings to add to an environment; none where it has one of them.

    Threads that sleep at once are woken thousands of times a question, which takes longer than the work between; those
    that spin for long keep a busy machine's processors from the ones that they wait for.
    """
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": SPINS}
    return {} if wanted.keys() & environment.keys() else wanted
