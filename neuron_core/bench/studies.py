"""Studies of accuracy: how cheaper quadrature rules and smaller dtypes change the top neurons of a few questions."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.bench.timing import timed
from neuron_core.cni.selection import preset
from neuron_core.engine.engine import Engine
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion
from neuron_core.runs.config import AttributionConfig
from neuron_core.tasks.load import load_task

FINE = ("right", 256)
RULES = (("right", 16), ("gauss-legendre", 2), ("gauss-legendre", 3), ("gauss-legendre", 4), ("gauss-legendre", 6))
DTYPES = ("float32", "bfloat16")
ROUNDED = "bfloat16 weights, float32 activations"
PRODUCTS = "float32, matrix products of bfloat16 with float32 sums"


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of some questions."""

    scores: NDArray[np.float64]
    "summed over questions, shape (L·I,)"
    seconds: float
    "median per question"


def quadrature_study(spec: ModelSpec, n_examples: int) -> list[dict[str, Any]]:
    """One row per quadrature rule: its cost, and its top and bottom K compared with those of 256 steps."""
    engine, questions = Engine(spec), _questions(n_examples)
    fine = _scored(engine, questions, *FINE)
    return [
        {"rule": rule, "steps": steps, **_beside(_scored(engine, questions, rule, steps), fine)}
        for rule, steps in RULES
    ]


def dtype_study(spec: ModelSpec, n_examples: int) -> list[dict[str, Any]]:
    """One row per dtype of weights and activations: its top and bottom K compared with those of float64.

    In the last row everything is float32, but oneDNN may round the factors of matrix products to bfloat16. Processors
    with such units (AMX, AVX512-BF16) multiply these faster; on other processors the row equals float32.
    """
    questions = _questions(n_examples)

    def scored(dtype: str, rounded: bool = False, how: AbstractContextManager[None] | None = None) -> Scored:
        loaded = load_model(replace(spec, dtype=dtype))
        if rounded:
            with torch.no_grad():
                for weight in loaded.model.parameters():
                    weight.copy_(weight.to(torch.bfloat16))
        # Not while it is loaded: the checks there are those of float32.
        with how or nullcontext():
            return _scored(Engine.of(loaded), questions, "right", 16)

    exact = scored("float64")
    lines = [{"dtype": dtype, **_beside(scored(dtype), exact)} for dtype in DTYPES]
    lines.append({"dtype": ROUNDED, **_beside(scored("float32", rounded=True), exact)})
    lines.append({"dtype": PRODUCTS, **_beside(scored("float32", how=bfloat16_products()), exact)})
    return lines


@contextmanager
def bfloat16_products() -> Iterator[None]:
    """Lets matrix products of float32 tensors on the CPU round their factors to bfloat16; sums stay float32."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before, matmul.fp32_precision = matmul.fp32_precision, "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before


def study_text(lines: Sequence[dict[str, Any]]) -> str:
    """The rows as text, one line each."""
    return "\n".join(
        f"{line.get('rule', line.get('dtype'))} {line.get('steps', '')}: {line['seconds']:.3g} s a question; Jaccard "
        f"of the top {line['k']} {line['jaccard_good']:.2f}, the bottom {line['jaccard_bad']:.2f}; largest difference "
        f"{line['max_rel_diff']:.1e} of max|IG|"
        for line in lines
    )


def _questions(n_examples: int) -> Sequence[ProxyQuestion]:
    task = load_task("sentiment").task
    draws = draw(task, n_examples, 1, 0)
    return questions_of(task, draws.attribution, draws.demonstration, 0)[: N_PROXIES[SHUFFLES] * n_examples]


def _scored(engine: Engine, questions: Sequence[ProxyQuestion], rule: str, steps: int) -> Scored:
    config, total = AttributionConfig(rule=rule, steps=steps), None
    seconds: list[float] = []
    units = engine.attribute(questions, config)
    for _ in questions:
        with timed(torch.device(engine.facts().device), seconds):
            _, scores = next(units)
        flat = scores.of("ace").astype(np.float64).ravel()
        total = flat if total is None else total + flat
    assert total is not None
    return Scored(total, statistics.median(seconds))


def _beside(found: Scored, exact: Scored) -> dict[str, Any]:
    k = preset(len(exact.scores)).k
    order, best = np.argsort(found.scores), np.argsort(exact.scores)
    return {
        "seconds": found.seconds,
        "k": k,
        "jaccard_good": _jaccard(order[-k:], best[-k:]),
        "jaccard_bad": _jaccard(order[:k], best[:k]),
        "max_rel_diff": float(np.abs(found.scores - exact.scores).max() / np.abs(exact.scores).max()),
    }


def _jaccard(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    return len(np.intersect1d(one, other)) / len(np.union1d(one, other))
