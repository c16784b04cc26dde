"""The chunk plan: as much a pass as the free memory holds."""

from dataclasses import replace

import pytest

from neuron_core.cni.passes import HEAD_ROWS, Passes, PassShape, choose

SHAPE = PassShape(
    n_layers=4,
    n_neurons=10,
    hidden_size=5,
    n_heads=2,
    n_vocabulary=0,
    n_tokens=20,
    itemsize=4,
    own_attention=False,
    batch=False,
    device="cpu",
)


def test_the_memory_of_a_pass_by_hand():
    # 6·10 + 12·5 + 3·2·20 = 240 values a row and layer.
    assert SHAPE.row_values(7) == 240
    assert replace(SHAPE, own_attention=True).row_values(7) == 240 + 3 * 2 * 7
    assert replace(SHAPE, batch=True).row_values(7) == 240 + 2 * 5 * 20
    # Two layers of three steps: three rows over four layers, three over three.
    assert SHAPE.attribution_bytes(2, 3) == 4 * 21 * 240
    assert replace(SHAPE, n_vocabulary=100).attribution_bytes(2, 3) == 4 * (21 * 240 + 3 * 6 * 100)
    # The logits of all rows are never there at once.
    more = replace(SHAPE, n_vocabulary=100).attribution_bytes(2, 300) - SHAPE.attribution_bytes(2, 300)
    assert more == 4 * 3 * HEAD_ROWS * 100
    half = replace(SHAPE, itemsize=2)
    more = replace(half, n_vocabulary=100).attribution_bytes(2, 300) - half.attribution_bytes(2, 300)
    assert more == 4 * 3 * 600 * 100


@pytest.mark.parametrize(("layers", "chosen"), [(1, 1), (2, 2), (3, 2), (4, 4)])
def test_as_many_layers_share_a_pass_as_half_the_free_memory_holds_in_equal_passes(layers, chosen):
    assert choose(SHAPE, 3, 2 * SHAPE.attribution_bytes(layers, 3)).layers == chosen


def test_with_no_memory_at_all_the_smallest_passes_are_tried():
    assert choose(SHAPE, 3, 0) == Passes(layers=1, rows=2, positions=1)


def test_rows_and_positions_have_an_end_where_memory_has_none():
    assert choose(SHAPE, 3, 10**12) == Passes(layers=4, rows=1024, positions=1024)
    assert choose(replace(SHAPE, device="cuda"), 3, 10**12).positions == 8192


def test_an_example_s_questions_share_a_pass_where_all_layers_do_and_memory_is_left():
    gpu = replace(SHAPE, device="cuda")
    room = 2 * gpu.attribution_bytes(4, 3)
    assert [choose(gpu, 3, n * room).questions for n in (1, 2, 3, 9)] == [1, 2, 3, 4]
    assert choose(gpu, 3, room - 1).questions == 1
    assert choose(SHAPE, 3, 9 * room).questions == 1
    assert choose(replace(gpu, batch=True), 3, 10**12).questions == 1
    assert Passes(4, 9, 3, 3).smaller_attribution() == Passes(4, 9, 3, 1)


def test_smaller_passes_end():
    passes, sizes = Passes(5, 9, 3), []
    while passes:
        sizes.append(passes.layers)
        last, passes = passes, passes.smaller_attribution()
    assert sizes == [5, 3, 2, 1]
    assert (last.rows, last.positions) == (9, 3)
    assert Passes(5, 9, 3).smaller_evaluation() == Passes(5, 4, 1)
    assert Passes(5, 3, 1).smaller_evaluation() == Passes(5, 2, 1)
    assert Passes(5, 2, 1).smaller_evaluation() is None
