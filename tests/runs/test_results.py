import numpy as np
import pytest

from neuron_core.control.metrics import baseline_of
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.runs.results import cell_of, read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_helpers import tiny_config


@pytest.fixture(scope="module")
def run(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    made = Store(tmp_path_factory.mktemp("results")).create(tiny_config(task_file, checkpoint("llama")))
    execute(made, lambda _: Engine.of(tiny_model("llama")))
    return made


def test_an_attribution_carries_its_checks(run):
    found = read_attribution(run)
    scores = [run.scores(number) for number in range(12)]
    assert found.guard == max(one.guard for one in scores)
    assert found.gaps.n_questions == 12
    assert found.gaps.mean == pytest.approx(np.mean([one.completeness_gap[0] for one in scores], axis=0))
    assert found.ranking.scores.tolist() == run.ranking().scores.tolist()


def test_the_baseline_of_an_attribution_is_counted_on_its_own_questions(run):
    found = read_attribution(run).baseline
    questions = run.setting().attribution
    right = [
        run.scores(number).letter_probabilities.argmax() == question.target for number, question in enumerate(questions)
    ]
    assert (found.n_questions, found.n_examples) == (12, 4)
    assert found.acc == pytest.approx(np.mean(right))
    by_example = np.array(right).reshape(4, 3).sum(axis=1)
    assert found.com == pytest.approx(np.mean(by_example >= 2))


def test_a_cell_of_the_grid_stands_in_the_column_of_its_intervention(run):
    found, evaluation = read_evaluated(run), run.evaluation()
    for row in evaluation.grid:
        column = found.column(row.k, row.ratio, row.direction)
        assert found.plan[column].source == "ace"
        assert found.probabilities.correct[:, 1 + column].mean() == pytest.approx(row.acc)
        cell = cell_of(evaluation, row.k, row.ratio, row.direction)
        assert cell.row == row
        assert (cell.best.k, cell.best.direction) == (row.k, row.direction)
        assert (cell.random.k, cell.random.ratio, cell.random.direction) == (row.k, row.ratio, row.direction)


def test_the_first_column_is_the_baseline(run):
    assert baseline_of(read_evaluated(run).probabilities).acc == run.evaluation().baseline.acc


def test_a_cell_that_was_not_evaluated_is_an_error(run):
    with pytest.raises(RunError, match="K = 7"):
        cell_of(run.evaluation(), 7, 0.5, "enhancer")
    with pytest.raises(RunError, match="K = 7"):
        read_evaluated(run).column(7, 0.5, "enhancer")


def test_a_run_that_has_not_begun_has_no_results(tmp_path, task_file, checkpoint):
    fresh = Store(tmp_path).create(tiny_config(task_file, checkpoint("llama")))
    assert read_attribution(fresh) is None
    assert read_evaluated(fresh) is None
