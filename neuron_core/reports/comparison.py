"""Compares two runs, and exports one run as tables. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import pandas as pd

from neuron_core.analysis.layers import ROLES, neuron_rows
from neuron_core.analysis.specific import jaccard, role_order
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError
from neuron_core.runs.config import RunConfig, SetUse

MEASURES = ("rac", "rcc", "heldout_rac", "heldout_rcc")


def config_differences(one: RunConfig, two: RunConfig) -> pd.DataFrame:
    """The settings in which two runs differ: columns setting (dotted name of the field), first, second.

    "–" means that a run does not have the setting.
    """
    first, second = _flat(one), _flat(two)
    names = [name for name in dict.fromkeys([*first, *second]) if first.get(name) != second.get(name)]
    rows = [(name, _said(first, name), _said(second, name)) for name in names]
    return pd.DataFrame(rows, columns=["setting", "first", "second"])


def metric_differences(one: Evaluation, two: Evaluation) -> pd.DataFrame:
    """Metrics of two runs: columns what, K, direction, first, second, difference.

    Baselines in percent, then RAC and RCC, at each run's best ratio and held out, for every budget that both runs have.
    NaN where undefined.
    """
    rows: list[tuple[Any, ...]] = []
    for name in ("acc", "com"):
        values = [100 * getattr(evaluation.baseline, name) for evaluation in (one, two)]
        rows.append((f"unmodified {name}", None, "", *values))
    others = {(best.source, best.k, best.direction): best for best in two.best}
    for best in one.best:
        other = others.get((best.source, best.k, best.direction))
        if other is not None:
            for name in MEASURES:
                what = f"{best.source}: {name.replace('heldout_', '').upper()}"
                what += ", held out" if name.startswith("heldout") else " at the best ratio"
                rows.append((what, best.k, best.direction, getattr(best, name), getattr(other, name)))
    table = pd.DataFrame(rows, columns=["what", "K", "direction", "first", "second"])
    table = table.astype({"K": "Int64", "first": float, "second": float})
    return table.assign(difference=table["second"] - table["first"])


def set_overlaps(one: NeuronRanking, two: NeuronRanking, ks: tuple[int, ...]) -> pd.DataFrame:
    """The overlap of two runs' sets: columns K, role, first, second (sizes), shared, jaccard (NaN if both are empty).

    Raises ConfigError for rankings of models of different sizes.
    """
    sizes = [(ranking.n_layers, ranking.n_neurons) for ranking in (one, two)]
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"neurons of models with {sizes[0]} and {sizes[1]} layers and neurons per layer", accepted="one model"
        )
    rows = []
    for k in ks:
        for role in ROLES:
            first, second = (set(role_order(ranking, role)[:k].tolist()) for ranking in (one, two))
            rows.append((k, role, len(first), len(second), len(first & second), jaccard(first, second)))
    return pd.DataFrame(rows, columns=["K", "role", "first", "second", "shared", "jaccard"])


def neuron_frame(rankings: Mapping[str, NeuronRanking]) -> pd.DataFrame:
    """All neurons with a score, for each method: columns method, rank, role, layer, index, score, id."""
    parts = [
        pd.DataFrame([asdict(row) for row in neuron_rows(ranking.cut(len(ranking.scores)))]).assign(method=name)
        for name, ranking in rankings.items()
    ]
    columns = ["method", "rank", "role", "layer", "index", "score", "id"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def grid_frame(evaluation: Evaluation) -> pd.DataFrame:
    """One row for every cell of the grid and of the random sets.

    The ends of intervals and the shares of letters have columns of their own.
    """
    rows = []
    for row in (*evaluation.grid, *evaluation.random):
        values = asdict(row)
        letters = values.pop("letters")
        ends = {
            f"{name}_interval_{end}": None if values[f"{name}_interval"] is None else values[f"{name}_interval"][place]
            for name in ("rac", "rcc")
            for place, end in enumerate(("low", "high"))
        }
        del values["rac_interval"], values["rcc_interval"]
        rows.append(values | ends | {f"letter_{letter}": share for letter, share in letters.items()})
    return pd.DataFrame(rows)


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not is_dataclass(value):
        return {name: value}
    found: dict[str, Any] = {}
    for field in fields(value):
        found |= _flat(getattr(value, field.name), f"{name}.{field.name}" if name else field.name)
    return found


def _said(values: Mapping[str, Any], name: str) -> str:
    return _in_words(values[name]) if name in values else "–"


def _in_words(value: Any) -> str:
    """A setting as text for a reader, without Python notation."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, SetUse):
        more = [] if value.k is None else [f"K = {value.k}"]
        more += [] if value.ratios is None else [f"ratios: {_in_words(value.ratios)}"]
        return f"{value.name} ({'; '.join(more)})" if more else value.name
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_in_words(one)}" for key, one in value.items()) or "none"
    if isinstance(value, tuple | list):
        return ", ".join(map(_in_words, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "(empty)"
