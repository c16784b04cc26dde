"""Files of a run folder: each written to a temporary name, synced and renamed, so that a crash leaves whole ones."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import RunError
from neuron_core.runs.config import RunConfig, config_from_json


class ResultFiles:
    """A folder with a config and results; what kinds of results there are, its subclasses say."""

    def __init__(self, path: Path) -> None:
        if not (path / "config.json").is_file():
            raise RunError("this is not a run folder", where=str(path), accepted="a folder with config.json")
        self.path = path
        self.id = path.name

    def config(self) -> RunConfig:
        return config_from_json((self.path / "config.json").read_bytes())

    def _units(self, folder: str) -> set[int]:
        return {int(path.stem) for path in (self.path / folder).glob("*.npz")}

    def _read_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        try:
            with np.load(self.path / name, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise RunError(f"a result file can't be read: {error}", where=str(self.path / name)) from None

    def _write_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def _write(self, name: str, data: bytes) -> None:
        write_file(self.path / name, data)


def write_file(path: Path, data: bytes) -> None:
    """Whole or not at all: a temporary file beside it, synced, renamed."""
    temporary = path.with_suffix(path.suffix + ".part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
