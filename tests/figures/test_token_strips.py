"""Strips of coloured tokens: every text is escaped, colours follow the values."""

import re

from neuron_core.control.findings import Context
from neuron_core.figures.token_strips import token_strips

ONE = Context(
    "e1", 2, " the cat", " <b>sat", " down", 2.0, (" the", " cat", " <b>sat", " down"), (0.1, -1.0, 2.0, 0.0), 2
)


def test_text_is_shown_as_it_is_and_never_as_markup():
    found = token_strips([ONE])
    assert "<b>" not in found
    assert "&lt;b&gt;sat" in found
    nasty = Context('"><script>', 0, "", "<script>alert(1)</script>", "", 1.0)
    assert "<script>" not in token_strips([nasty])


def test_a_token_is_the_stronger_coloured_the_further_its_value_is_from_zero():
    found = token_strips([ONE])
    colours = re.findall(r"rgba\(([\d,]+),([\d.]+)\)", found)
    assert colours == [("230,159,0", "0.03"), ("86,180,233", "0.30"), ("230,159,0", "0.60"), ("230,159,0", "0.00")]
    assert 'title="−1.00"' in found
    assert found.count("strip-here") == 2  # once in the style


def test_findings_without_neighbours_values_show_the_position_alone():
    found = token_strips([Context("e1", 2, "the cat", " sat", " down", 2.0)])
    assert len(re.findall(r"rgba\(", found)) == 1
    assert "the cat" in found
