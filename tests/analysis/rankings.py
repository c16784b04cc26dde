"""Rankings typed out: the good neurons from the best on, the bad ones from the worst on, all in few layers."""

from collections.abc import Sequence

import numpy as np

from neuron_core.cni.neurons import NeuronRanking

NEURONS = 20


def ranking(good: Sequence[int] = (), bad: Sequence[int] = (), n_layers: int = 4) -> NeuronRanking:
    """Neuron n is place n % 20 of layer n // 20. Scores fall from 1 and rise from -1 by sixteenths."""
    flat = np.array([*good, *reversed(bad)], dtype=np.int64)
    scores = [1 - i / 16 for i in range(len(good))] + [i / 16 - 1 for i in reversed(range(len(bad)))]
    return NeuronRanking(
        neurons=np.stack(np.divmod(flat, NEURONS), axis=1).astype(np.int32).reshape(-1, 2),
        scores=np.array(scores, dtype=np.float32),
        n_ambiguous=0,
        n_layers=n_layers,
        n_neurons=NEURONS,
        z=5,
    )


def flat(neurons: np.ndarray) -> list[int]:
    """(layer, index) rows as the numbers that `ranking` takes."""
    return [layer * NEURONS + index for layer, index in neurons.tolist()]
