"""scripts/tf32_difference.py: what is rounded, and how. The differences themselves are a measurement, not a test."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from neuron_core.engine.engine import Engine
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.tasks.load import load_task
from tests.builders import checkpoint, tiny_model
from tf32_difference import (
    FORMS,
    PRODUCT,
    RoundedProducts,
    cut_to_tf32,
    found_with,
    rounded_products,
    to_bfloat16,
    to_tf32,
)

__all__ = ["checkpoint", "tiny_model"]

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "tf32_difference.py"
TF32 = "TF32, to nearest"


def bits(rounding, values):
    given = torch.from_numpy(np.array(values, dtype=np.uint32).view(np.float32))
    return rounding(given).numpy().view(np.uint32).tolist()


# 1.0 is 3F800000. The last bit of a TF32 is 2000, half of it 1000.
@pytest.mark.parametrize(
    ("given", "nearest", "cut"),
    [
        (0x3F800000, 0x3F800000, 0x3F800000),
        (0x3F800FFF, 0x3F800000, 0x3F800000),
        (0x3F801000, 0x3F802000, 0x3F800000),
        (0x3F803000, 0x3F804000, 0x3F802000),
        (0xBF801000, 0xBF802000, 0xBF800000),
        (0xBF800FFF, 0xBF800000, 0xBF800000),
        (0x3F801001, 0x3F802000, 0x3F800000),
        # The mantissa overflows into the exponent: just below 2 becomes 2.
        (0x3FFFFFFF, 0x40000000, 0x3FFFE000),
        (0x00000000, 0x00000000, 0x00000000),
        (0x80000000, 0x80000000, 0x80000000),
        # The smallest subnormal, and half of the last bit of a subnormal TF32.
        (0x00000001, 0x00000000, 0x00000000),
        (0x00001000, 0x00002000, 0x00000000),
        (0x7F7FE000, 0x7F7FE000, 0x7F7FE000),
    ],
)
def test_tf32_has_ten_bits_of_mantissa_and_ties_go_away_from_zero(given, nearest, cut):
    assert bits(to_tf32, [given]) == [nearest]
    assert bits(cut_to_tf32, [given]) == [cut]


def test_bfloat16_has_seven_bits_of_mantissa_and_ties_go_to_even():
    given = [0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF818000]
    assert bits(to_bfloat16, given) == [0x3F800000, 0x3F820000, 0x3F800000, 0x3F810000, 0xBF820000]


def test_a_product_has_the_value_that_rounded_factors_have_by_hand():
    # 1 + 2⁻¹¹ is halfway between two TF32; squared it is 1 + 2⁻¹⁰ + 2⁻²², and rounded first (1 + 2⁻¹⁰)².
    x = torch.full((1, 1), 1 + 2.0**-11)
    found = {}
    for form in ("float32", TF32, "TF32, towards zero", "bfloat16, to nearest"):
        with rounded_products(form):
            found[form] = float(x @ x)
    assert found == {
        "float32": 1 + 2.0**-10 + 2.0**-22,
        TF32: (1 + 2.0**-10) ** 2,
        "TF32, towards zero": 1.0,
        "bfloat16, to nearest": 1.0,
    }


class Factors(TorchDispatchMode):
    """Looks at every product that reaches torch, by a name of its own list, and at the bits of its factors."""

    NAMES = re.compile(r"^(add|badd)?b?mm_?$|matmul|linear|attention|conv|dot|mv")

    def __init__(self):
        super().__init__()
        self.seen, self.unrounded = set(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if self.NAMES.search(name):
            self.seen.add(name)
            factors = [x for x in args if isinstance(x, torch.Tensor)][-2:]
            if any(bool((x.contiguous().view(torch.int32) & 0x1FFF).any()) for x in factors):
                self.unrounded.add(name)
        return func(*args, **(kwargs or {}))


def questions():
    task = load_task("sentiment").task
    draws = draw(task, 1, 1, 0)
    return questions_of(task, draws.attribution, draws.demonstration, 0)[:1]


# Grouped keys, ALiBi, biases by addmm, sinks, a window, and attention that is computed by the family's own code.
@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neo", "bloom", "falcon", "gemma2", "opt", "phi"])
def test_every_product_of_an_attribution_has_rounded_factors(tiny_model, family):
    engine = Engine.of(tiny_model(family))
    with Factors() as plain:
        found_with("float32", engine, questions())
    with Factors() as factors:
        found_with(TF32, engine, questions())
    assert factors.unrounded == set()
    # In plain float32 all of them differ, so the look at the bits sees what it should.
    assert plain.unrounded == plain.seen == factors.seen
    assert {"mm", "bmm"} <= factors.seen or {"addmm", "bmm"} <= factors.seen


def test_products_written_in_place_are_rounded_too():
    x = torch.full((1, 1, 1), 1 + 2.0**-11)
    with rounded_products(TF32) as products:
        assert float(torch.zeros(1, 1, 1).baddbmm_(x, x)) == (1 + 2.0**-10) ** 2
    assert products.n_products == 1


def test_a_product_that_is_not_known_is_an_error():
    with RoundedProducts(to_tf32), pytest.raises(RuntimeError, match=r"mv\.default is a product whose factors"):
        torch.mv(torch.ones(2, 2), torch.ones(2))
    with RoundedProducts(to_tf32), pytest.raises(RuntimeError, match=r"a factor of torch\.float64"):
        torch.ones(2, 2, dtype=torch.float64) @ torch.ones(2, 2, dtype=torch.float64)


def test_all_that_torch_counts_as_a_product_is_known_as_one_by_its_name():
    names = {str(each).removeprefix("aten.") for each in flop_registry if str(each).startswith("aten.")}
    assert {name for name in names if not PRODUCT.search(name)} == set()
    assert len(names) > 5


def test_rounding_ends_with_the_block_also_after_an_error():
    before = torch.backends.mkldnn.matmul.fp32_precision
    x = torch.full((1, 1), 1 + 2.0**-11)
    with pytest.raises(KeyError), rounded_products(TF32):
        raise KeyError
    assert float(x @ x) == 1 + 2.0**-10 + 2.0**-22
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_the_table_has_a_row_for_each_task_and_form(checkpoint):
    command = [sys.executable, str(SCRIPT), "--model", str(checkpoint("llama")), "--tasks", "sentiment"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == [f"sentiment: {form}" for form in [*FORMS][1:]]
    tf32, half = lines[2].split("|"), lines[4].split("|")
    assert 0 < float(tf32[2]) < float(half[2])
