"""Reads the JSON files beside a model: within bounds, and with every key once. No torch."""

import json
from pathlib import Path
from typing import Any

from neuron_core.paths import read_regular
from neuron_core.tasks.repeated import JSON, RepeatedKeyError, repeated_key

MOST_JSON = 1 << 26
"largest JSON file that is read, in bytes"


def read_json(path: Path) -> Any:
    """The content of a small JSON file. OSError as of reading; ValueError, whose text says what is wrong, for broken or
    too much JSON, for nesting without end, and for a key that stands twice in an object.
    """
    if path.stat().st_size > MOST_JSON:
        raise ValueError(f"it has {path.stat().st_size} bytes, more than {MOST_JSON}")
    try:
        data = read_regular(path)
        found = JSON.decode(data.decode(json.detect_encoding(data)))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if (key := repeated_key(found)) is not None:
        raise RepeatedKeyError(key)
    return found
