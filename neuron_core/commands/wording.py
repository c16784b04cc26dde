"""The options that say how a prompt is worded, for every command that asks questions."""

from dataclasses import dataclass
from typing import Annotated

import typer

from neuron_core.commands.groups import OptionGroup
from neuron_core.qatt.config import BY_SEED, DISTRACTORS, TEMPLATES, PromptConfig
from neuron_core.reports.recipes.run import from_option


@dataclass(frozen=True)
class WordingOptions(OptionGroup):
    """How questions are worded. In a text, \\n stands for a new line."""

    role: Annotated[
        str | None, typer.Option(help="First line of a prompt instead of the task's own; '' leaves it out.")
    ] = None
    answer_rule: Annotated[str | None, typer.Option(help="The line that says how to answer; '' leaves it out.")] = None
    stem: Annotated[
        str | None,
        typer.Option(
            help=r"The text of a question, with the task kind's columns in braces; \n is a new line: 'Mood?\n{text}'."
        ),
    ] = None
    demonstration: Annotated[str, typer.Option(help="The solved example: seed, none, or the id of an example.")] = (
        BY_SEED
    )
    demonstration_letter: Annotated[
        str | None, typer.Option(help="The letter of the demonstration's correct option; by seed.")
    ] = None
    distractors: Annotated[str, typer.Option(help=f"Where wrong options come from: {', '.join(DISTRACTORS)}.")] = (
        DISTRACTORS[0]
    )
    template: Annotated[
        str, typer.Option(help=f"{' or '.join(TEMPLATES)}: the model's chat template around the prompt.")
    ] = TEMPLATES[0]

    def config(self) -> PromptConfig:
        """As a run keeps them. ConfigError for a letter, distractors or a template that do not exist."""
        return PromptConfig(
            role=_text(self.role),
            rule=_text(self.answer_rule),
            stem=_text(self.stem),
            demonstration=from_option(self.demonstration),
            letter=self.demonstration_letter,
            distractors=self.distractors,
            template=self.template,
        )


USUAL_WORDING = WordingOptions()


def _text(given: str | None) -> str | None:
    return None if given is None else from_option(given)
