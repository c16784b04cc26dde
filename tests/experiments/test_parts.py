"""The experiment `parts` on a tiny model: its runs, its table, its matrices and its numbers."""

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.experiments.files import result_of, text_of, write_files
from neuron_core.experiments.make_runs import make_runs
from neuron_core.experiments.outputs import make_output
from neuron_core.experiments.part_sets import loud_names, part_names
from neuron_core.experiments.part_stability import content_of_draws
from neuron_core.experiments.parts import part_matrices
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.task_comparisons import evaluations_of
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.store import Store
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, write_jsonl

__all__ = ["checkpoint", "one_thread", "tiny_model"]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def setting(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    write_jsonl(folder / "mood.jsonl", classification_rows(24))
    write_jsonl(folder / "tone.jsonl", classification_rows(24, ("good", "fair", "bad")))
    return ExperimentSetting(
        tasks=(str(folder / "mood.jsonl"), str(folder / "tone.jsonl")),
        model=ModelSpec(str(checkpoint("llama")), device="cpu"),
        k=6,
        z=12,
        examples=4,
        content_examples=2,
        draws=2,
        steps=2,
        random_seeds=2,
    )


@pytest.fixture(scope="module")
def made(setting, tiny_model, tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("parts")
    engine = Engine.of(tiny_model("llama"))
    store = Store(folder / "runs")
    names = ("parts", "parts-stability")
    runs = make_runs(setting, names, store, folder / "out", lambda _: engine)
    again = make_runs(setting, names, store, folder / "out", lambda _: pytest.fail("a finished run was made anew"))
    assert [run.id for *_, run in again.each()] == [run.id for *_, run in runs.each()]
    return runs


def test_every_set_is_tried_on_every_task_and_the_own_one_comes_first(setting, made):
    for task, run in made.parts.items():
        uses = run.config().sets
        assert uses[0].name == part_names("content", ["mood", "tone"])[task]
        assert {use.name for use in uses} >= {
            *part_names("own", ["mood", "tone"]).values(),
            "answering",
            *loud_names(setting),
        }
        assert {use.k for use in uses if use.name.startswith(("content", "loud"))} == {6}
        assert {use.k for use in uses if use.name.startswith(("own", "answering"))} == {12}
        config = run.config()
        assert (config.evaluation.proxies, config.evaluation.ratios) == ("rotations", (0.5,))
        asked = {q.example_id for q in run.setting().evaluation}
        assert not asked & {q.example_id for q in made.paper[task].setting().attribution}
        assert not asked & {q.example_id for q in made.content[task].setting().attribution}


def test_the_output_has_the_own_sets_the_three_matrices_and_the_numbers(setting, made, tmp_path):
    output = make_output("parts", setting, made)
    own = output.table[output.table["what"] == "own task"]
    assert set(own["source"]) == {"unmodified", "ace", "content", "own", "answering", "random+", "as loud"}
    assert own["content_margin"].notna().all()
    changed = own[own["source"] != "unmodified"]
    np.testing.assert_allclose(changed["rac"], changed["rac_content"] + changed["rac_letters"], atol=1e-9)
    cells = output.table[output.table["what"] == "matrix"]
    assert len(cells) == 3 * 2 * 2 * 2
    numbers = dict(output.printed)["Numbers to reach"]
    assert [name for name in numbers["number"] if "diagonal" in name] == [
        "own part, degrader: diagonal the strongest of its column",
        "own part, enhancer: diagonal the strongest of its column",
    ]
    assert numbers["number"].str.contains("perplexity").any()
    files = write_files(tmp_path, setting, made, [output], 1.0)
    text = text_of([output], tmp_path, files, 1.0)
    assert "Numbers to reach" in text
    result = result_of(tmp_path, setting, made, [output], files, 1.0)
    row = next(row for row in result["rows"] if row["source"] == "content")
    assert len(row["content_margin_interval"]) == 2
    assert set(result["setting"]["tasks"]) == {"mood", "tone"}


def test_of_each_task_of_letters_both_budgets_are_said(setting, made, monkeypatch):
    monkeypatch.setattr("neuron_core.experiments.part_numbers.MOSTLY_LETTERS", ("mood", "tone"))
    numbers = dict(make_output("parts", setting, made).printed)["Numbers to reach"]["number"].tolist()
    wanted = [f"{task}, ACE degrader, K = {k}: lost beyond content" for task in ("mood", "tone") for k in (6, 12)]
    assert [name for name in numbers if "lost beyond content" in name] == wanted


def test_a_matrix_holds_the_very_rows_of_the_runs(setting, made):
    evaluations = evaluations_of(made.parts)
    matrix = part_matrices(setting, evaluations)["own"]["degrader"]
    row = matrix.cells["mood", "tone"]
    assert row.source == part_names("own", ["mood", "tone"])["mood"]
    assert row in evaluations["tone"].grid


def test_draws_of_content_are_sums_of_their_own_questions(setting, made):
    run = made.content_draws["mood"]
    first, second = content_of_draws(run, setting)
    expected = sum(run.scores(number).of("content").astype(np.float64) for number in range(8))
    np.testing.assert_allclose(expected[tuple(first.neurons.T)], first.scores, rtol=1e-5, atol=1e-7)
    assert not np.array_equal(first.neurons, second.neurons)
    # The first draw is the run that `parts` rests on.
    alone = made.content["mood"].ranking("content")
    assert np.array_equal(first.cut(6).good, alone.cut(6).good)
    table = make_output("parts-stability", setting, made).table
    assert set(table["task"]) == {"mood", "tone"}
    assert table["cosine"].between(-1, 1).all()
