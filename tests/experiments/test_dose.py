"""The dose-response curve: every strength in one run, beside the unmodified model."""

from dataclasses import replace

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.experiments.make_runs import make_runs
from neuron_core.experiments.outputs import make_output
from neuron_core.experiments.part_sets import EXCITES
from neuron_core.runs.store import Store
from tests.builders import checkpoint, one_thread, tiny_model
from tests.experiments.test_parts import setting

__all__ = ["checkpoint", "one_thread", "setting", "tiny_model"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_curve_has_every_strength_and_the_unmodified_model_first(setting, tiny_model, tmp_path):
    engine = Engine.of(tiny_model("llama"))
    one = replace(setting, content_examples=1, examples=2)
    runs = make_runs(one, ("dose",), Store(tmp_path / "runs"), tmp_path / "out", lambda _: engine)
    assert list(runs.dose) == ["tone"]
    output = make_output("dose", one, runs)
    curve = output.table[(output.table["direction"] == "degrader") & (output.table["silence"] == "mean")]
    assert curve["excite"].tolist() == [1.0, *EXCITES]
    assert curve[["content_margin", "acc", "letter_spread", "perplexity"]].notna().all(axis=None)
    baseline = runs.dose["tone"].evaluation().baseline
    assert curve["content_margin"].iloc[0] == baseline.content_margin
    assert curve["content_margin"].nunique() == 5
    assert len(output.figures[0][1].data) == 4 * 4
    assert "silenced to mean" in output.figures[0][1].layout.meta["alt"]
