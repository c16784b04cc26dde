"""Two texts beside each other: which tokens differ."""

from neuron_core.analysis.writings import differing
from neuron_core.control.findings import Generation, Written


def written(*tokens: tuple[int, str]) -> Written:
    text, ends = "", []
    for _, part in tokens:
        text += part
        ends.append(len(text))
    return Written(tuple(token for token, _ in tokens), text, (), False, tuple(ends))


def test_tokens_that_the_other_text_has_in_the_same_order_are_not_marked():
    plain = written((1, "A"), (2, " cat"), (3, " sat"))
    steered = written((1, "A"), (4, " black"), (2, " cat"), (5, " ran"))
    assert differing(Generation(plain, steered)) == (
        (("A cat", False), (" sat", True)),
        (("A", False), (" black", True), (" cat", False), (" ran", True)),
    )


def test_equal_texts_have_no_mark_and_empty_ones_no_piece():
    same, empty = written((1, "A")), written()
    assert differing(Generation(same, same)) == ((("A", False),),) * 2
    assert differing(Generation(empty, same)) == ((), (("A", True),))
