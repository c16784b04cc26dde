"""Measures Figure 9: seconds per layer of an attribution by the length of the answer, with and without QATT."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import TypeVar

import pandas as pd

from neuron_core.cni.logprob import (
    Target,
    answer_scores,
    fast_scores,
    last_neurons,
    letter_target,
    step_gradient,
    token_target,
)
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.products import products_of
from neuron_core.models.prompt_pass import run_prompt

T = TypeVar("T")
SLOW_QATT, SLOW_TEXT = "full sequence, with QATT", "full sequence, without QATT"
FAST_QATT, FAST_TEXT = "ours, with QATT", "ours, without QATT"


@dataclass(frozen=True)
class CostSetting:
    """What is measured. The slow form is timed on a few steps of one layer and a few answer tokens, and scaled up."""

    lengths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    repeats: int = 3
    steps: int = 16
    "m of Eq. 1, for all forms"
    slow_steps: int = 1
    "number of steps of the slow form that are timed; all m steps cost the same"
    slow_tokens: int = 4
    "most answer tokens, evenly spread, on which the slow form is timed"
    layers: int = 6
    "number of layers around the middle on which our form is timed"


def _spread(n: int, most: int) -> list[int]:
    """All numbers from 0 to n-1 or, if these are more than `most`, the middles of `most` equal parts."""
    return list(range(n)) if n <= most else [(2 * i + 1) * n // (2 * most) for i in range(most)]


def answer_cost(
    loaded: LoadedModel,
    prompt: TokenizedPrompt,
    place: int,
    setting: CostSetting,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Columns form, length, seconds, seconds_low, seconds_high (mean and range over repeats), steps_timed, n_repeats.

    The answer repeats tokens of the question, because its text does not matter for the cost. With QATT the answer is a
    single letter, so each repeat is timed once and reported for every length. prompt, place: a proxy question and the
    place of its correct letter.
    """
    middle = loaded.n_layers // 2
    n_fast = min(setting.layers, loaded.n_layers)
    fast_layers = range(max(0, middle - n_fast // 2), max(0, middle - n_fast // 2) + n_fast)
    seconds: dict[tuple[str, int], list[float]] = {}
    total, done = setting.repeats * (1 + len(setting.lengths)), 0

    def slow(extended: TokenizedPrompt, target: Target) -> float:
        value, once = _timed(loaded, lambda: last_neurons(loaded, extended, middle))
        alphas = [(1 + k) / setting.steps for k in range(setting.slow_steps)]
        _, each = _timed(
            loaded, lambda: [step_gradient(loaded, extended, target, middle, value, alpha) for alpha in alphas]
        )
        return once + each * setting.steps / setting.slow_steps

    # What is allocated or compiled at the first pass of a form is no part of its cost.
    letter = letter_target(loaded, prompt, place)
    slow(prompt, letter)
    for _ in range(setting.repeats):
        with_qatt = {
            SLOW_QATT: slow(prompt, letter),
            FAST_QATT: _timed(
                loaded, lambda: fast_scores(loaded, run_prompt(loaded, prompt), letter, fast_layers, setting.steps)
            )[1]
            / len(fast_layers),
        }
        done += 1
        on_progress(done, total)
        for length in setting.lengths:
            answer = tuple(islice(cycle(prompt.token_ids), length))
            terms = [
                (TokenizedPrompt((*prompt.token_ids, *answer[:j]), prompt.letter_ids), token_target(loaded, token))
                for j, token in enumerate(answer)
            ]
            found = {
                **with_qatt,
                SLOW_TEXT: length * statistics.mean(slow(*terms[j]) for j in _spread(length, setting.slow_tokens)),
                FAST_TEXT: _timed(loaded, partial(answer_scores, loaded, prompt, answer, fast_layers, setting.steps))[1]
                / len(fast_layers),
            }
            for form, value in found.items():
                seconds.setdefault((form, length), []).append(value)
            done += 1
            on_progress(done, total)
    return _table(seconds, setting)


def _table(seconds: dict[tuple[str, int], list[float]], setting: CostSetting) -> pd.DataFrame:
    rows = [
        {
            "form": form,
            "length": length,
            "seconds": sum(seconds[form, length]) / len(seconds[form, length]),
            "seconds_low": min(seconds[form, length]),
            "seconds_high": max(seconds[form, length]),
            "steps_timed": setting.slow_steps if form in (SLOW_QATT, SLOW_TEXT) else setting.steps,
            "n_repeats": setting.repeats,
        }
        for form in (SLOW_TEXT, SLOW_QATT, FAST_TEXT, FAST_QATT)
        for length in setting.lengths
    ]
    return pd.DataFrame(rows)


def _timed(loaded: LoadedModel, work: Callable[[], T]) -> tuple[T, float]:
    with products_of(loaded):
        _wait(loaded)
        began = time.perf_counter()
        result = work()
        _wait(loaded)
        return result, time.perf_counter() - began


def _wait(loaded: LoadedModel) -> None:
    if loaded.device.type == "cuda":
        import torch

        torch.cuda.synchronize(loaded.device)
