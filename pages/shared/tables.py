"""Values of the core as tables."""

from collections.abc import Iterable
from dataclasses import asdict

import pandas as pd

from neuron_core.analysis.layers import NeuronRow

NEURON_COLUMNS = ["rank", "role", "layer", "index", "score", "id"]


def neuron_table(rows: Iterable[NeuronRow]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=NEURON_COLUMNS)
