"""Which examples of a task are too long for a model: counted where its tokenizer is, kept in a file. No torch."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuron_core.errors import RunError
from neuron_core.models.chat import ChatTemplate
from neuron_core.models.letters import encode
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.lengths import prompt_lengths
from neuron_core.runs.files import write_file
from neuron_core.tasks.load import load_task
from neuron_core.tasks.reading import TaskReading, leave_out, too_long
from neuron_core.tasks.task import Example, Task

if TYPE_CHECKING:
    from neuron_core.runs.engine import Engine
    from neuron_core.runs.errands import LengthsErrand

BATCH = 200
"examples counted at a go"


@dataclass(frozen=True)
class Lengths:
    """The examples whose longest prompt does not fit."""

    model: str
    "its title"
    limit: int
    "tokens that its context holds"
    counts: dict[str, int]
    "tokens by example id, of those over the limit"

    @classmethod
    def of(
        cls,
        task: Task,
        tokenizer: Any,
        limit: int,
        model: str,
        seed: int,
        prompt: PromptConfig = USUAL,
        chat: ChatTemplate | None = None,
    ) -> "Lengths":
        """Counted at once."""
        counted = prompt_lengths(task, lambda text: len(encode(tokenizer, text)), limit, seed, prompt, chat)
        return cls(model, limit, _over(limit, counted))

    def applied(self, reading: TaskReading) -> TaskReading:
        """The reading without these examples, each rejected with its length. NoGoodRow where none is left."""
        found = too_long(reading.task, lambda example: self.counts.get(example.id, 0), self.limit)
        fits = f"{self.model} (context {self.limit:,} tokens)"
        return replace(leave_out(reading, found) if found else reading, fits=fits)


def count_lengths(errand: "LengthsErrand", engine: "Engine") -> Iterator[tuple[int, int]]:
    """Counts with the engine's tokenizer; gives (done, total) now and then, and writes the errand's file at the end."""
    loaded, facts = engine.loaded, engine.facts()
    task, limit = load_task(errand.task).task, loaded.context_length
    counts: dict[str, int] = {}
    lengths = prompt_lengths(
        task, lambda text: len(encode(loaded.tokenizer, text)), limit, errand.seed, errand.prompt, facts.chat
    )
    total = len(task.examples)
    for done in range(0, total, BATCH):
        yield done, total
        counts |= _over(limit, islice(lengths, BATCH))
    content = {"model": facts.title, "limit": limit, "counts": counts}
    Path(errand.file).parent.mkdir(parents=True, exist_ok=True)
    write_file(Path(errand.file), json.dumps(content).encode())
    yield total, total


def _over(limit: int, counted: Iterable[tuple[Example, int | None]]) -> dict[str, int]:
    return {example.id: count for example, count in counted if count is not None and count > limit}


def read_lengths(file: Path) -> Lengths:
    """What `count_lengths` wrote. RunError where there is nothing to read."""
    try:
        return Lengths(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"the counted lengths can't be read: {error}", where=str(file)) from None
