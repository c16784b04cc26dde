"""Groups of options that several commands take. A group is a dataclass, and each of its fields is one option."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


class OptionGroup:
    """Base class of every group's dataclass."""


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replaces each parameter whose type is a group by one option for each field of the group. The command is called
    with the groups.

    A group is a dataclass that derives from OptionGroup. Each field has a default and is annotated like an option of a
    command (`Annotated[type, typer.Option(...)]`). The option has the name of the field, unless it declares another
    one. Two groups of a command may have fields of the same name as long as their options have different names. A
    default of the parameter itself is not used. TypeError for a field that is not annotated with an option.
    """
    old = inspect.signature(command).parameters.values()
    hints = get_type_hints(command, include_extras=True)
    groups = {one.name: hints[one.name] for one in old if _is_group(hints.get(one.name))}

    @functools.wraps(command)
    def asked(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(f"{name}_{field.name}") for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    parameters: list[inspect.Parameter] = []
    for one in old:
        if one.name in groups:
            parameters += _options(one.name, groups[one.name])
        else:
            parameters.append(one.replace(annotation=hints.get(one.name, one.annotation)))
    asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    asked.__annotations__ = {one.name: one.annotation for one in parameters}
    return asked


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, OptionGroup) and is_dataclass(hint)


def _options(name: str, group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f"{name}_{field.name}", POSITIONAL, default=field.default, annotation=_annotation(field, hints[field.name])
        )
        for field in fields(group)
    ]


def _annotation(field: Field[Any], hint: Any) -> Any:
    """The field's type and its option. An option that declares no name gets that of the field."""
    if get_origin(hint) is not Annotated:
        raise TypeError(f"the field {field.name} of a group of options is not annotated with a typer.Option")
    kind, option = get_args(hint)
    if isinstance(option, OptionInfo) and not option.param_decls:
        option = _named(option, f"--{field.name.replace('_', '-')}")
    return Annotated[kind, option]


def _named(option: OptionInfo, name: str) -> OptionInfo:
    named = typer.Option(name)
    named.__dict__.update({**vars(option), "param_decls": (name,)})
    return named
