"""Scores of the options of one example, averaged over the letters on which they stood. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuron_core.control.letter_free import option_scores
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.qatt.proxies import ProxyQuestion


@dataclass(frozen=True)
class OptionContent:
    """The four options of an example with their scores, the correct option first."""

    texts: tuple[str, ...]
    before: tuple[float, ...]
    "score of each option in nats minus the mean of the four; unmodified model"
    after: tuple[float, ...]
    "the same scores under the intervention"


def option_content(
    p: OptionProbabilities, questions: Sequence[ProxyQuestion], number: int, column: int
) -> OptionContent | None:
    """The option scores of the example of question `number`, with and without the intervention plan[column].

    None if the questions of an example do not have the same four options.
    """
    scores = option_scores(p, [0, 1 + column])
    if scores is None:
        return None
    place = int(np.searchsorted(np.unique(p.examples), p.examples[number]))
    own = scores[place] - scores[place].mean(axis=1, keepdims=True)
    first = next(q for q in questions if q.example_id == questions[number].example_id)
    texts = [option.text for option in sorted(first.options, key=lambda option: not option.correct)]
    return OptionContent(tuple(texts), tuple(own[0].tolist()), tuple(own[1].tolist()))


def short_stems(questions: Sequence[ProxyQuestion]) -> list[str]:
    """A short title for each question: its stem on one line, without the lines that all stems share."""
    lines = [question.stem.splitlines() for question in questions]
    shared = set(lines[0]).intersection(*map(set, lines)) if len({q.example_id for q in questions}) > 1 else set()
    return [" ".join(line for line in own if line not in shared) or question.stem
            for own, question in zip(lines, questions, strict=True)]  # fmt: skip
