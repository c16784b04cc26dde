"""The options of a prompt's wording, for every command that asks questions."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from neuron_core.qatt.config import DISTRACTORS, TEMPLATES, USUAL, PromptConfig
from neuron_core.reports.recipes.run import PROMPT_OPTIONS, from_option

HELP = {
    "role": "First line of a prompt instead of the task's own; '' leaves it out.",
    "rule": "The line that says how to answer; '' leaves it out.",
    "stem": r"The text of a question, with the task kind's columns in braces; \n is a new line: 'Mood?\n{text}'.",
    "demonstration": "The solved example: seed, none, or the id of an example.",
    "letter": "The letter of the demonstration's correct option; by seed.",
    "distractors": f"Where wrong options come from: {', '.join(DISTRACTORS)}.",
    "template": f"{' or '.join(TEMPLATES)}: the model's chat template around the prompt.",
}


def with_wording(command: Callable[..., None]) -> Callable[..., None]:
    """The command, its parameter `prompt: PromptConfig` as one option for each field of it."""

    @functools.wraps(command)
    def asked(**given: Any) -> None:
        typed = {name: given.pop(f"prompt_{name}") for name in PROMPT_OPTIONS}
        fields: dict[str, Any] = {name: text and from_option(text) for name, text in typed.items()}
        command(**given, prompt=PromptConfig(**fields))

    # Named apart: a command may have a `rule` of its own.
    added = [
        inspect.Parameter(
            f"prompt_{name}",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=getattr(USUAL, name),
            annotation=Annotated[
                str | None if getattr(USUAL, name) is None else str, typer.Option(f"--{option}", help=HELP[name])
            ],
        )
        for name, option in PROMPT_OPTIONS.items()
    ]
    old = list(inspect.signature(command).parameters.values())
    place = [parameter.name for parameter in old].index("prompt")
    parameters = [*old[:place], *added, *old[place + 1 :]]
    asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    asked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return asked
