"""Finds the examples of a task whose prompts are too long for a model. If the number of characters does not decide it,
their tokens are counted. Imports no torch itself.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuron_core.collector import importing
from neuron_core.errors import RunError, TaskError
from neuron_core.models.chat import ChatTemplate, chat_template_of
from neuron_core.models.letters import encode
from neuron_core.models.size import size_of
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.lengths import prompt_lengths, surely_fits
from neuron_core.runs.files import write_file
from neuron_core.tasks.load import load_task
from neuron_core.tasks.reading import TaskReading, leave_out, require_four_options, too_long
from neuron_core.tasks.task import Task

if TYPE_CHECKING:
    from neuron_core.service.jobs import LengthsJob

BATCH = 200
"examples whose tokens are counted in one step"


@dataclass(frozen=True)
class Reader:
    """The parts of a model that counting tokens needs: its tokenizer and the size of its context, but no weights."""

    title: str
    tokenizer: Any
    limit: int
    "tokens that its context holds"
    chat: ChatTemplate | None

    @classmethod
    def of(cls, spec: ModelSpec, say: Callable[[str], None]) -> "Reader":
        """Loads the tokenizer and the config only. ModelError as for load_tokenizer."""
        # It takes seconds to import.
        with importing():
            from neuron_core.models.loading import load_tokenizer

        tokenizer, limit = load_tokenizer(spec, say)
        return cls(spec.title, tokenizer, limit, chat_template_of(tokenizer))

    def count(self, text: str) -> int:
        """Number of tokens of a text."""
        return len(encode(self.tokenizer, text))


@dataclass(frozen=True)
class Lengths:
    """The examples whose longest prompt does not fit into the context of the model."""

    model: str
    "its title"
    limit: int
    "tokens that its context holds"
    counts: dict[str, int]
    "tokens by example id, of those over the limit"

    @classmethod
    def of(cls, task: Task, reader: Reader, seed: int, prompt: PromptConfig = USUAL) -> "Lengths":
        """Counts the tokens of every prompt of the task."""
        counts: dict[str, int] = {}
        for _ in _counted(task, reader, seed, prompt, counts):
            pass
        return cls(reader.title, reader.limit, counts)

    @classmethod
    def by_characters(
        cls, task: Task, spec: ModelSpec, seed: int = 0, prompt: PromptConfig = USUAL
    ) -> "Lengths | None":
        """The result without a tokenizer, if all prompts are so short that they fit by their number of characters. None
        if tokens must be counted, or if the size of the context is not known offline. ModelError if a header of the
        model is damaged.
        """
        size = None if prompt.template == "chat" else size_of(spec)
        limit = size.dimensions.context if size and size.dimensions else 0
        surely = limit > 0 and all(map(surely_fits(task, limit, seed, prompt), task.examples))
        return cls(spec.title, limit, {}) if surely else None

    def applied(self, reading: TaskReading) -> TaskReading:
        """The reading without these examples, which are rejected with their lengths. NoGoodRow if none is left."""
        found = too_long(reading.task, lambda example: self.counts.get(example.id, 0), self.limit)
        fits = f"{self.model} (context {self.limit:,} tokens)"
        return replace(leave_out(reading, found) if found else reading, fits=fits)


def count_lengths(job: "LengthsJob", reader: Reader) -> Iterator[tuple[int, int]]:
    """Counts the tokens of the prompts, yields (done, total) from time to time, and writes the
    job's file at the end.
    """
    task = load_task(job.task).task
    counts: dict[str, int] = {}
    yield from _counted(task, reader, job.seed, job.prompt, counts)
    content = {"model": reader.title, "limit": reader.limit, "counts": counts}
    Path(job.file).parent.mkdir(parents=True, exist_ok=True)
    write_file(Path(job.file), json.dumps(content).encode())
    yield len(task.examples), len(task.examples)


def _counted(
    task: Task, reader: Reader, seed: int, prompt: PromptConfig, counts: dict[str, int]
) -> Iterator[tuple[int, int]]:
    """Fills `counts` with the examples that are too long, and yields (done, total) from time to time.

    If examples are left out, the others are counted again until all fit. Their prompts may have changed: the
    demonstration may have been left out, or an answer that was a wrong option of another example.
    """
    left = task
    while True:
        total, over = len(left.examples), dict[str, int]()
        lengths = prompt_lengths(left, reader.count, reader.limit, seed, prompt, reader.chat)
        for done in range(0, total, BATCH):
            yield done, total
            found = islice(lengths, BATCH)
            over |= {example.id: n for example, n in found if n is not None and n > reader.limit}
        counts |= over
        left = replace(left, examples=tuple(example for example in left.examples if example.id not in over))
        if not over or not left.examples:
            return
        try:
            require_four_options(left)
        except TaskError:
            # `applied` raises this error again, when the examples are left out.
            return


def read_lengths(file: Path) -> Lengths:
    """The file that `count_lengths` wrote. RunError if it can't be read."""
    try:
        return Lengths(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"the counted lengths can't be read: {error}", where=str(file)) from None
