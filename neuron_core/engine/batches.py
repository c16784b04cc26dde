"""Runs the unmodified model on the prompts of questions, several questions at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, TypeVar

from neuron_core.engine.stage_part import StagePart
from neuron_core.models.fitting import until_it_fits
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import check_length
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.prompts import SharedPrompts
from neuron_core.qatt.proxies import ProxyQuestion

Lock = AbstractContextManager[Any]
Result = TypeVar("Result")


def prepare(loaded: LoadedModel, questions: Sequence[ProxyQuestion]) -> SharedPrompts:
    """The questions' tokens and the tokens that their prompts share.

    ModelError for a prompt that is longer than the model's context, before the first pass; LetterError as of
    `tokenize_prompt`.
    """
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]
    for question, prompt in zip(questions, prompts, strict=True):
        check_length(loaded, prompt, f"question {question.id}")
    return SharedPrompts(loaded, prompts, [question.example_id for question in questions])


def batches_of(
    lock: Lock, prompts: SharedPrompts, part: StagePart, size: Callable[[], int]
) -> Iterator[tuple[list[int], PromptBatch]]:
    """Runs the unmodified model on the prompts of one example after the other. Yields the numbers of up to `size()`
    questions with the states of their prompts. Examples whose questions are all in `part.skip` are left out.

    lock: taken during each pass.
    """
    for example in prompts.chosen(part.examples):
        numbers = prompts.examples[example]
        if all(number in part.skip for number in numbers):
            continue
        with lock:
            whole, _ = until_it_fits(prompts.run, example, lambda _: None, lambda _: None)
        left = iter(numbers)
        for batch in (each for one in whole for each in one.parts(size())):
            members = [*islice(left, len(batch.states))]
            if any(number not in part.skip for number in members):
                yield members, batch


def unmodified_states(
    lock: Lock,
    prompts: SharedPrompts,
    read: Callable[[list[PromptState]], Result],
    examples: Iterable[int] | None = None,
) -> Iterator[Result]:
    """What `read` finds in the states of each example's prompts under the unmodified model.

    lock: taken during each pass and while `read` is called. examples: as of StagePart.
    """
    for example in prompts.chosen(examples):
        with lock:
            found = read([state for batch in prompts.run(example) for state in batch.states])
        yield found
