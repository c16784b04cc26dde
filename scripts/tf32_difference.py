"""What rounding the factors of matrix products changes in scores, sets and answers: TF32 and bfloat16, by simulation.

    python scripts/tf32_difference.py
    python scripts/tf32_difference.py --tasks sentiment ner --examples 2

No GPU is needed. Everything is float32 on the processor, but both factors of every matrix product are rounded before
they are multiplied: products with weights, those of attention, and those of the backward pass. Sums stay float32. How
a GPU rounds to TF32 is up to its libraries, so two ways are simulated: to the nearest value, ties away from zero, and
towards zero. A GPU adds in another order, and kernels that fuse attention may round less; neither is simulated.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from neuron_core.bench.studies import bfloat16_products
from neuron_core.cni.selection import preset
from neuron_core.engine.engine import Engine
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig
from neuron_core.tasks.load import bundled_tasks, load_task

CUT = 13
"bits of a float32 that TF32 does not have"
ABOVE = -1 << CUT
FACTORS = {"mm": (0, 1), "addmm": (1, 2), "bmm": (0, 1), "baddbmm": (1, 2)}
"which arguments of one of torch's products are its factors; names that end with _ are those that write in place"
PRODUCT = re.compile(r"mm|mv|dot|addr|matmul|linear|attention|conv|einsum")
"parts of the names of everything in torch that multiplies matrices or vectors"
Rounding = Callable[[torch.Tensor], torch.Tensor]


def to_tf32(x: torch.Tensor) -> torch.Tensor:
    """The nearest values with 10 bits of mantissa, ties away from zero. x: float32, finite."""
    # The sign is a bit of its own, so that adding to the bits makes every value larger in size.
    return ((x.view(torch.int32) + (1 << (CUT - 1))) & ABOVE).view(torch.float32)


def cut_to_tf32(x: torch.Tensor) -> torch.Tensor:
    """The nearest values towards zero with 10 bits of mantissa. x: float32."""
    return (x.view(torch.int32) & ABOVE).view(torch.float32)


def to_bfloat16(x: torch.Tensor) -> torch.Tensor:
    """The nearest values with 7 bits of mantissa, ties to even. x: float32."""
    return x.to(torch.bfloat16).to(torch.float32)


class RoundedProducts(TorchDispatchMode):
    """Rounds both factors of every matrix product. RuntimeError for a product that it does not know."""

    def __init__(self, rounding: Rounding) -> None:
        super().__init__()
        self._rounding = rounding
        self.n_products = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, given = func.overloadpacket.__name__.removesuffix("_"), [*args]
        if name not in FACTORS:
            if PRODUCT.search(name):
                raise RuntimeError(f"{func} is a product whose factors are not rounded here")
            return func(*args, **(kwargs or {}))
        for place in FACTORS[name]:
            if given[place].dtype is not torch.float32:
                raise RuntimeError(f"{func} has a factor of {given[place].dtype}, not of float32")
            given[place] = self._rounding(given[place])
        self.n_products += 1
        return func(*given, **(kwargs or {}))


FORMS: dict[str, tuple[Rounding, str]] = {
    "float32": (lambda x: x, "ieee"),
    "TF32, to nearest": (to_tf32, "tf32"),
    "TF32, towards zero": (cut_to_tf32, "tf32"),
    "bfloat16, to nearest": (to_bfloat16, "bf16"),
}
"how factors are rounded, and the name that torch has for it, by which checks allow for the rounding"
COLUMNS = (
    "products",
    "largest change of scores, of max\\|IG\\|",
    "Jaccard of the good / bad K",
    "largest change of P",
    "other answers",
)
PROCESSOR = "bfloat16 products of the processor"
"not simulated: where the processor has such units (AMX), this shows how near the simulation comes"


@contextmanager
def rounded_products(form: str) -> Iterator[RoundedProducts]:
    """Every matrix product has factors of this form, also those within attention, which is not fused meanwhile."""
    rounding, name = FORMS[form]
    matmul = torch.backends.mkldnn.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, name
    try:
        with sdpa_kernel(SDPBackend.MATH), RoundedProducts(rounding) as products:
            yield products
    finally:
        matmul.fp32_precision = before


@dataclass(frozen=True, eq=False)
class Found:
    """What one form gives for the questions of a task."""

    scores: np.ndarray
    "ACE, summed over questions, shape (L·I,)"
    letters: np.ndarray
    "probabilities of the unmodified model, shape (questions, 4)"


def found_with(form: str, engine: Engine, questions: Sequence[ProxyQuestion]) -> Found:
    """Attributes the questions with products of this form."""
    with bfloat16_products() if form == PROCESSOR else rounded_products(form):
        units = [scores for _, scores in engine.attribute(questions, AttributionConfig())]
    total = np.sum([unit.of("ace") for unit in units], axis=0, dtype=np.float64).ravel()
    return Found(total, np.stack([unit.letter_probabilities for unit in units]))


def row(name: str, found: Found, exact: Found) -> str:
    """One line of the table."""
    k = preset(exact.scores.size).k
    order, best = np.argsort(found.scores), np.argsort(exact.scores)
    off = np.abs(found.scores - exact.scores).max() / np.abs(exact.scores).max()
    changed = int((found.letters.argmax(axis=1) != exact.letters.argmax(axis=1)).sum())
    cells = (
        name,
        f"{off:.1e}",
        f"{jaccard(order[-k:], best[-k:]):.2f} / {jaccard(order[:k], best[:k]):.2f}",
        f"{np.abs(found.letters - exact.letters).max():.1e}",
        f"{changed} of {len(exact.letters)}",
    )
    return f"| {' | '.join(cells)} |"


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    return len(np.intersect1d(one, other)) / len(np.union1d(one, other))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=bundled_tasks(), help="names of tasks, or files")
    parser.add_argument("--examples", type=int, default=1, help="examples of each task, with three questions each")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--processor", action="store_true", help=f"also {PROCESSOR}, as AMX has them: not simulated")
    given = parser.parse_args()
    engine = Engine(ModelSpec(given.model, device="cpu"))
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for name in given.tasks:
        task = load_task(name).task
        draws = draw(task, given.examples, 1, 0)
        questions = questions_of(task, draws.attribution, draws.demonstration, 0)[: 3 * given.examples]
        exact = found_with("float32", engine, questions)
        for form in [*FORMS, PROCESSOR][1 : None if given.processor else -1]:
            print(row(f"{name}: {form}", found_with(form, engine, questions), exact), flush=True)
    print(f"\n{time.process_time():.0f} s of the processor", file=sys.stderr)


if __name__ == "__main__":
    main()
