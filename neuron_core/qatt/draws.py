"""Draws three disjoint sets from a task: the demonstration, the attribution and the evaluation examples."""

from dataclasses import dataclass

from neuron_core.errors import ConfigError
from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import BY_SEED, NONE, USUAL, PromptConfig
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.qatt.proxies import SHUFFLES, ProxyQuestion, left_out_letter
from neuron_core.tasks.task import LETTERS, Example, Task, draw_order


@dataclass(frozen=True)
class Draws:
    """The drawn examples, disjoint by id and by text. A run keeps their ids."""

    demonstration: Example | None
    "None if prompts have no demonstration"
    attribution: tuple[Example, ...]
    evaluation: tuple[Example, ...]


def draw(task: Task, n_attribution: int, n_evaluation: int | None, seed: int, demonstration: str = BY_SEED) -> Draws:
    """Draws the three sets by seed, with at most one example of each text.

    Attribution examples are chosen so that the letter that their questions leave out rotates. The correct letters then
    differ in number by at most one, as long as the file has examples for each letter. Evaluation examples are a random
    sample of the rest, or all of it with n_evaluation=None. demonstration: as in `PromptConfig`. Without one, the same
    example is still set aside, so that the other sets do not change. Raises ConfigError for too few examples with
    different texts, and for a demonstration that is not an example of the task.
    """
    by_id = {example.id: example for example in task.examples}
    texts: set[str] = set()

    def distinct(order: list[str]) -> list[Example]:
        """The examples in this order, without those whose text was already used."""
        found = []
        for example in (by_id[i] for i in order):
            if example.text not in texts:
                texts.add(example.text)
                found.append(example)
        return found

    if demonstration not in (BY_SEED, NONE, *by_id):
        raise ConfigError(
            f"the task {task.name} has no example {demonstration!r} for the demonstration",
            accepted=f"{BY_SEED}, {NONE}, or an id such as {task.examples[0].id}",
        )
    chosen = [demonstration] if demonstration in by_id else []
    pool = distinct([*chosen, *draw_order(by_id, seed, "examples")])
    needed = 1 + n_attribution + (n_evaluation or 0)
    if len(pool) < needed:
        raise ConfigError(
            f"the task {task.name} has {len(pool)} examples of different text; {needed} are asked for",
            where=None if len(pool) == len(by_id) else f"{len(by_id)} examples, one of each text is drawn",
            accepted=_fitting(len(pool) - 1, n_attribution, n_evaluation or 0),
        )
    aside, rest = pool[0], pool[1:]
    queues: list[list[Example]] = [[] for _ in LETTERS]
    for example in rest:
        queues[left_out_letter(example.id, seed)].append(example)
    attribution = []
    for turn in range(n_attribution):
        queue = queues[turn % len(LETTERS)] or max(queues, key=len)
        attribution.append(queue.pop(0))
    taken = {example.id for example in attribution}
    evaluation = [example for example in rest if example.id not in taken][:n_evaluation]
    return Draws(None if demonstration == NONE else aside, tuple(attribution), tuple(evaluation))


def _fitting(most: int, n_attribution: int, n_evaluation: int) -> str:
    """Which numbers of examples a task can give, for a message. most: its examples without the demonstration."""
    if n_attribution <= most - min(n_evaluation, 1):
        return f"1 demonstration + {n_attribution} attribution + at most {most - n_attribution} evaluation examples"
    kinds = "attribution and evaluation examples together" if n_evaluation else "attribution examples"
    return f"1 demonstration + at most {max(0, most)} {kinds}"


def questions_of(
    task: Task,
    examples: tuple[Example, ...],
    demonstration: Example | None,
    seed: int,
    config: PromptConfig = USUAL,
    chat: ChatTemplate | None = None,
    proxies: str = SHUFFLES,
) -> tuple[ProxyQuestion, ...]:
    """The proxy questions of several examples, in order. proxies: one of PROXIES. Raises as `proxy_questions`."""
    return tuple(
        q for example in examples for q in proxy_questions(example, task, demonstration, seed, config, chat, proxies)
    )
