"""Parquet. Rows count from 1. Class numbers are replaced by their names if the file has them."""

import io
import json
from collections.abc import Iterator
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.header import header_names
from neuron_core.tasks.readers.source import Note, Row, Source, check_size
from neuron_core.tasks.repeated import twice

_ROWS = 1000
"rows per batch"
_ITEM = 8
"bytes of an item of a list, at least"


def read_parquet(source: Source, note: Note) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        plain = pq.ParquetFile(io.BytesIO(source.data))
        groups = range(plain.metadata.num_row_groups)
        size = sum(plain.metadata.row_group(i).total_byte_size for i in groups)
        check_size(size + _nested_bytes(plain), source.where, source.max_bytes, unpacked=True)
        names = class_names((plain.schema_arrow.metadata or {}).get(b"huggingface"))
        # A text that is stored once may occur in a million rows, so sizes are counted before texts are expanded.
        texts = [plain.schema.column(i).path for i in range(len(plain.schema)) if _is_text(plain.schema.column(i))]
        file = pq.ParquetFile(io.BytesIO(source.data), read_dictionary=texts)
        columns = list(plain.schema_arrow.names)
        columns = header_names(columns, source.where, note) if twice(columns) is not None else columns
        number = unpacked = 0
        for batch in file.iter_batches(_ROWS):
            unpacked += sum(_size(column) for column in batch.columns)
            check_size(unpacked, source.where, source.max_bytes, unpacked=True)
            for fields in batch.rename_columns(columns).to_pylist():
                number += 1
                yield number, {column: named(value, names.get(column)) for column, value in fields.items()}
    # UnicodeDecodeError, a ValueError, is raised for text columns whose bytes are not UTF-8.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise TaskError(f"not a valid Parquet file: {reason}", where=f"{source.where}, file") from None


def _nested_bytes(file: Any) -> int:
    """Bytes that the items of lists take in memory. A few bytes of a file may say that a row has a billion of them."""
    nested = [i for i in range(len(file.schema)) if file.schema.column(i).max_repetition_level > 0]
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    return sum(_ITEM * group.column(i).num_values for group in groups for i in nested)


def _is_text(column: Any) -> bool:
    return column.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def _size(array: Any) -> int:
    """Bytes of an Arrow array after every row has its own copy of its values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary).take(array.indices.drop_null())
        return int(pc.sum(lengths).as_py() or 0)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _size(array.flatten())
    if pa.types.is_struct(array.type):
        return sum(_size(array.field(i)) for i in range(array.type.num_fields))
    return int(array.nbytes)


def class_names(metadata: bytes | None) -> dict[str, list[str]]:
    """Column → names by class number, from the metadata that `datasets` writes into its files."""
    try:
        features = json.loads(metadata or b"{}")["info"]["features"]
        kinds = {column: feature.get("feature", feature) for column, feature in features.items()}
        return {c: list(kind["names"]) for c, kind in kinds.items() if kind.get("_type") == "ClassLabel"}
    # The metadata is optional. If it can't be read, the numbers stay.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def named(value: Any, names: list[str] | None) -> Any:
    """Replaces class numbers, also in lists, by names. -1 means that there is no label."""
    if names is None:
        return value
    if isinstance(value, list):
        return [named(item, names) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < len(names):
        return None if value < 0 else names[value]
    return value
