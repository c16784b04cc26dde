"""The wording of proxy questions: every part of a prompt that a user may change, as one frozen value."""

from dataclasses import dataclass

from neuron_core.errors import ConfigError
from neuron_core.tasks.task import LETTERS

BY_SEED, NONE = "seed", "none"
DISTRACTORS = ("kind", "column", "file")
TEMPLATES = ("plain", "chat")
MOST_CHARACTERS = 100_000
"of a role, a rule or a stem: more than any context holds beside a question"


@dataclass(frozen=True)
class PromptConfig:
    """The wording of a run's prompts. The defaults are template version 1."""

    role: str | None = None
    "the first line; None: the task's own role; empty: no such line"
    rule: str | None = None
    "the instruction how to answer; None: the usual one; empty: no such line"
    stem: str | None = None
    'the text after "Question:", with columns of the task kind in braces; None: the stem of the kind'
    demonstration: str = BY_SEED
    "the solved example: 'seed' draws one, 'none' leaves it out; any other text is the id of an example"
    letter: str | None = None
    "the letter of the demonstration's correct option; None: the seed chooses one of its orders"
    distractors: str = "kind"
    "'kind': the row's own, or else by the rule of its kind; 'column': the row's own; 'file': other answers of the file"
    template: str = "plain"
    "'plain': the prompt alone; 'chat': the prompt as a user's message in the model's chat template"

    def __post_init__(self) -> None:
        for name, text in (("role", self.role), ("rule", self.rule), ("stem", self.stem)):
            if text is not None and len(text) > MOST_CHARACTERS:
                raise ConfigError(f"a {name} of {len(text):,} characters", accepted=f"at most {MOST_CHARACTERS:,}")
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
