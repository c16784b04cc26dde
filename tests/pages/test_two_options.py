"""A task of two labels on the pages: neutral options are marked, and chance and balance follow the two real ones."""

import shutil
from dataclasses import replace

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.runs.results import read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.builders import classification_rows, write_jsonl
from tests.pages.conftest import faults, figures, texts


@pytest.fixture(scope="module")
def two(tiny_config, tiny_model, tmp_path_factory):
    task = write_jsonl(tmp_path_factory.mktemp("two") / "two.jsonl", classification_rows(40, ("yes", "no")))
    run = Store(tmp_path_factory.mktemp("run")).create(replace(tiny_config, task=str(task)))
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def shown(runs, two):
    """The finished run in the app's folder."""
    shutil.copytree(two.path, runs / two.id)
    return RunFolder(runs / two.id)


def test_chance_and_balance_of_a_run_are_those_of_its_two_real_options(two):
    baseline = two.evaluation().baseline
    assert baseline.chance == 0.5
    assert sum(baseline.even_letters.values()) == pytest.approx(1)
    questions = read_evaluated(two).probabilities
    # Every question has its right answer on a letter, and the other label on one of the three left.
    right = [float((questions.targets == place).mean()) for place in range(4)]
    assert all(share >= one / 2 - 1e-9 for share, one in zip(baseline.even_letters.values(), right, strict=True))
    assert len(set(baseline.even_letters.values())) > 1


def test_control_says_chance_and_draws_the_letters_own_lines(open_page, shown):
    app = open_page("control", run=shown.id)
    assert faults(app) == []
    assert "chance is 50%" in texts(app)
    (bars,) = [one for one in figures(app) if one["layout"]["xaxis"].get("title", {}).get("text") == "Letter"]
    even = list(shown.evaluation().baseline.even_letters.values())
    heights = [shape["y0"] for shape in bars["layout"]["shapes"]]
    assert heights[:4] == pytest.approx([100 * share for share in even])
    assert heights[4:] == pytest.approx([100 * share + 15 for share in even])


def test_a_question_marks_its_neutral_options(open_page, shown):
    app = open_page("question", run=shown.id)
    assert faults(app) == []
    assert "chance is 50%" in texts(app)
    app = open_page("questions", run=shown.id)
    assert faults(app) == []
