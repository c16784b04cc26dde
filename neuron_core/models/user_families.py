"""Families that a user adds: a JSON file with lines of the table, or a Python file that registers them. No torch."""

import runpy
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from neuron_core.errors import ModelError
from neuron_core.models.architectures import Architecture, architectures, forget_architecture, register_architecture
from neuron_core.models.json_files import read_json
from neuron_core.paths import user_path

NAMES = [field.name for field in fields(Architecture)]
ACCEPTED = f"a .json file with one line or a list of them, of the fields {', '.join(NAMES)}; or a .py file"
BUILT_IN = {line.name: line for line in architectures()}


def register_file(file: str) -> None:
    """Registers the families of the file. A Python file is run.

    Whether a line is right is checked when a model is loaded: how often layers and down projections are called, what
    layers return, the logits of the head, and the guard in every pass. ModelError for a file that is absent, unknown
    fields or values, and a family that is in the table already.
    """
    path = user_path(file)
    if not path.is_file():
        raise ModelError("there is no such architecture file", where=file, accepted=ACCEPTED)
    if path.suffix == ".py":
        _run(path)
    elif path.suffix == ".json":
        for line in _lines(path):
            _refuse_known(line.name, path)
            register_architecture(line)
    else:
        raise ModelError("the architecture file is neither JSON nor Python", where=file, accepted=ACCEPTED)


def _lines(path: Path) -> list[Architecture]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"the architecture file can't be read: {error}", where=str(path), accepted=ACCEPTED) from None
    if found == []:
        raise ModelError("the architecture file has no line", where=str(path), accepted=ACCEPTED)
    return [_line(one, path) for one in (found if isinstance(found, list) else [found])]


def _line(one: Any, path: Path) -> Architecture:
    if not isinstance(one, dict) or not {"name", "layers", "down_projection"} <= one.keys():
        raise ModelError("a line needs name, layers and down_projection", where=str(path), accepted=ACCEPTED)
    hints = get_type_hints(Architecture)
    for name, value in one.items():
        if name not in NAMES:
            raise ModelError(f"unknown field {name!r}", where=str(path), accepted=", ".join(NAMES))
        choices = get_args(hints[name])
        if value not in choices if choices else not isinstance(value, hints[name]):
            allowed = ", ".join(choices) if choices else f"a value of the kind {hints[name].__name__}"
            raise ModelError(f"{name} = {value!r}", where=str(path), accepted=allowed)
    return Architecture(**one)


def _refuse_known(name: str, path: Path) -> None:
    if name in BUILT_IN:
        raise ModelError(f"the family {name!r} is in the table already", where=str(path), accepted="another model_type")


def _run(path: Path) -> None:
    before = {line.name for line in architectures()}
    try:
        runpy.run_path(str(path))
    # A user's code may raise any error, and may end Python.
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ModelError(f"the architecture file failed: {what}", where=str(path), accepted=ACCEPTED) from error
    now = {line.name: line for line in architectures()}
    changed = [name for name, line in BUILT_IN.items() if now.get(name) != line]
    for name in changed:
        register_architecture(BUILT_IN[name])
    if changed:
        for name in now.keys() - before:
            forget_architecture(name)
        _refuse_known(changed[0], path)
