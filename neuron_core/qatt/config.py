"""How a proxy question is worded: everything of a prompt that a user may change, as one frozen value."""

from dataclasses import dataclass

from neuron_core.errors import ConfigError
from neuron_core.tasks.task import LETTERS

BY_SEED, NONE = "seed", "none"
DISTRACTORS = ("kind", "column", "file")
TEMPLATES = ("plain", "chat")


@dataclass(frozen=True)
class PromptConfig:
    """The wording of a run's prompts; as it stands here it is template version 1."""

    role: str | None = None
    "first line; None takes the task's own, an empty text leaves the line out"
    rule: str | None = None
    "how to answer; None takes the usual one, an empty text leaves the line out"
    stem: str | None = None
    "what follows \"Question:\", with the task kind's columns in braces; None takes the kind's own"
    demonstration: str = BY_SEED
    "the solved example: 'seed' draws it, 'none' leaves it out, anything else is the id of an example"
    letter: str | None = None
    "where the demonstration's correct option stands; None takes one of its own orders by seed"
    distractors: str = "kind"
    "'kind': the row's own, else as its kind makes them; 'column': the row's own; 'file': other answers of the file"
    template: str = "plain"
    "'plain' text, or the model's 'chat' template around the prompt as a user's message"

    def __post_init__(self) -> None:
        if self.letter is not None and self.letter not in LETTERS:
            raise ConfigError(f"unknown demonstration letter {self.letter!r}", accepted=", ".join(LETTERS))
        if not self.demonstration:
            raise ConfigError("the demonstration is empty", accepted=f"{BY_SEED}, {NONE}, or the id of an example")
        for name, value, accepted in (
            ("distractor source", self.distractors, DISTRACTORS),
            ("template", self.template, TEMPLATES),
        ):
            if value not in accepted:
                raise ConfigError(f"unknown {name} {value!r}", accepted=", ".join(accepted))


USUAL = PromptConfig()
