"""Reads datasets of the Hugging Face hub by id, with the optional package `datasets`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.parquet import named
from neuron_core.tasks.readers.shapes import shaped
from neuron_core.tasks.readers.source import Row
from neuron_core.tasks.readers.sst import LABELS
from neuron_core.tasks.table import MAX_ROWS, Table, make_table

PREFIX = "hub:"
INSTALL = "python -m pip install datasets"


@dataclass(frozen=True)
class HubDataset:
    """A dataset of the hub: its id, configuration, split, and a revision that holds plain files."""

    id: str
    config: str | None = None
    split: str = "test"
    revision: str | None = None


PRESETS: dict[str, HubDataset] = {
    "few-nerd": HubDataset("DFKI-SLT/few-nerd", "supervised"),
    # The main branch holds a loading script, which is never run.
    "conll2000": HubDataset("eriktks/conll2000", revision="refs/convert/parquet"),
    "sst": HubDataset("SetFit/sst5"),
    # The test split has no answers.
    "commonsenseqa": HubDataset("tau/commonsense_qa", split="validation"),
}
ACCEPTED = f"hub:ID, hub:ID:CONFIG@SPLIT, or one of {', '.join(PREFIX + name for name in PRESETS)}"
_NAME = re.compile(r"hub:([\w.-]+(?:/[\w.-]+)?)(?::([\w.-]+))?(?:@(\w+))?")


def parse(name: str) -> HubDataset:
    """Parses `hub:ID`, `hub:ID:CONFIG@SPLIT` or `hub:PRESET`. Raises TaskError for any other text."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise TaskError(f"not a hub dataset: {name[:200]!r}", accepted=ACCEPTED)
    ident, config, split = match.groups()
    preset = PRESETS.get(ident, HubDataset(ident))
    return HubDataset(preset.id, config or preset.config, split or preset.split, preset.revision)


def read_hub(name: str, *, max_rows: int = MAX_ROWS) -> Table:
    """The rows of a hub dataset, counted from 1. Raises TaskError if `datasets` is missing or reports an error."""
    wanted = parse(name)
    try:
        import datasets
    except ImportError:
        raise TaskError(
            "hub datasets need the package `datasets`, which is not installed", where=name, accepted=INSTALL
        ) from None
    try:
        data = datasets.load_dataset(wanted.id, wanted.config, split=wanted.split, revision=wanted.revision)
        names = {column: _names(feature) for column, feature in data.features.items()}
        records = [(number, dict(record)) for number, record in enumerate(islice(data, max_rows + 1), start=1)]
    # `datasets` raises errors of the network, of files, of formats and of its own. They share no base class.
    except Exception as error:
        reason = str(error).partition("\n")[0][:300]
        raise TaskError(f"the hub dataset can't be read: {reason}", where=name, accepted=ACCEPTED) from None
    notes: list[str] = []
    decoded = [(number, {c: named(value, names.get(c)) for c, value in record.items()}) for number, record in records]
    rows = tuple(islice(shaped(_folded(decoded, wanted), notes.append), max_rows + 1))
    title = wanted.id.rpartition("/")[2]
    return make_table(title, name, "hub", rows, tuple(notes), max_rows=max_rows)


def _folded(rows: list[tuple[int, dict[str, Any]]], wanted: HubDataset) -> Sequence[Row]:
    """Folds the five classes of the Stanford Sentiment Treebank to three; leaves other datasets unchanged."""
    if wanted.id != PRESETS["sst"].id:
        return rows
    return [(number, {"text": r.get("text"), "label": _fold(r.get("label"))}) for number, r in rows]


def _fold(label: Any) -> Any:
    return LABELS[label] if isinstance(label, int) and 0 <= label < len(LABELS) else label


def _names(feature: Any) -> list[str] | None:
    names = getattr(getattr(feature, "feature", feature), "names", None)
    return list(names) if names else None
