"""Groups of options that several commands take: a dataclass is declared once, and each field of it is one option."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


class OptionGroup:
    """What the dataclass of every group derives from."""


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every parameter whose type is a group in the form of one option for each field.

    A group is a dataclass that derives from OptionGroup. Each field is annotated as an option of a command is
    (`Annotated[type, typer.Option(...)]`) and has a default. The option is called as the field, unless it says another
    name. Parameters of groups are named `group_field`, so that two groups may have fields of the same name as long as
    their options differ.
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
    """The field's type and its option, which is called as the field where it has no name."""
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
