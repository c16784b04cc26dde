"""Names of tasks that look like markup are shown as they are written, in every figure that has them on an axis."""

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from neuron_core.figures.cross import overlap_heatmap
from neuron_core.figures.experiments import agreement_bars

NAMES = ("<b>bold</b>", "a & b <a href='https://evil.example'>c</a>")


def shown(figure) -> str:
    """Every text of a figure that Plotly draws, but for the categories that an axis names otherwise."""
    found = json.loads(figure.to_json())
    for trace in found["data"]:
        for axis in ("x", "y"):
            if f"{axis}axis" in found["layout"] and "ticktext" in found["layout"][f"{axis}axis"]:
                trace.pop(axis, None)
    for name in list(found["layout"]):
        if re.fullmatch(r"[xy]axis\d*", name):
            found["layout"][name].pop("tickvals", None)
    found["layout"].pop("meta")
    return json.dumps(found)


def overlap():
    table = pd.DataFrame(np.eye(2), index=NAMES, columns=NAMES)
    return overlap_heatmap(table, "good for", "bad for"), "xy"


def agreement():
    rows = pd.DataFrame({"role": ["good", "bad"], "jaccard": 0.5, "jaccard_low": 0.4, "jaccard_high": 0.6})
    return agreement_bars(dict.fromkeys(NAMES, rows)), "x"


@pytest.mark.parametrize("made", [overlap, agreement])
def test_names_of_tasks_on_axes_are_text(made):
    figure, axes = made()
    for axis in axes:
        ticks = figure.layout[f"{axis}axis"]
        assert ticks.tickvals == NAMES
        assert [unescape(text) for text in ticks.ticktext] == list(NAMES)
    assert not re.search(r"<b>bold|<a href='https://evil", shown(figure))
