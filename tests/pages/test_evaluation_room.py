"""What an evaluation may ask for: what the task has, said before a run is queued."""

import dataclasses

import pytest

from neuron_core.errors import ConfigError
from neuron_core.runs.config import EvaluationConfig, config_to_json
from neuron_core.runs.run_folder import RunStatus
from pages.shared.frame.engine import engine
from pages.shared.inputs.submit import evaluate, room_of, submit, usual_evaluation
from tests.builders import classification_rows, write_jsonl
from tests.pages.conftest import faults, texts
from tests.pages.test_pages_runs import orders

__all__ = ["orders"]


@pytest.fixture
def repeated(attributed, tmp_path):
    """The attributed run on a file with twenty texts, each twice under another label."""
    rows = classification_rows(20)
    labels = sorted({row["label"] for row in rows})
    again = [row | {"label": labels[(labels.index(row["label"]) + 1) % len(labels)]} for row in rows]
    path = write_jsonl(tmp_path / "twice.jsonl", [*rows, *again])
    config = dataclasses.replace(attributed.config(), task=str(path))
    (attributed.path / "config.json").write_text(config_to_json(config), encoding="utf-8")
    return attributed


def test_the_form_offers_each_text_once(open_page, orders, repeated):
    app = open_page("control", run=repeated.id)
    assert faults(app) == []
    # Twenty texts, without the demonstration and the four that were attributed.
    field = app.number_input(key="evaluation_examples")
    assert (field.value, field.max) == (15, 15)
    app.button(key="start_evaluation").click().run()
    ((name, run_id, wanted),) = orders()
    assert (name, run_id, wanted.examples) == ("evaluate", repeated.id, 15)


def test_more_than_there_is_is_refused_before_anything_is_queued(orders, runs, repeated):
    engine()
    config = repeated.config()
    with pytest.raises(ConfigError, match="at most 15 evaluation examples"):
        evaluate(repeated, EvaluationConfig(examples=16))
    with pytest.raises(ConfigError, match="20 examples of different text"):
        submit(dataclasses.replace(config, attribution=dataclasses.replace(config.attribution, examples=30)))
    assert orders() == []


def test_an_evaluation_beside_others_takes_no_more_than_there_is(repeated):
    config = repeated.config()
    assert room_of(config) == 15
    assert usual_evaluation(config, (4,)).examples == 15


def test_a_failed_evaluation_is_changed_where_it_failed(open_page, orders, repeated):
    config = dataclasses.replace(
        repeated.config(), evaluation=dataclasses.replace(usual_evaluation(repeated.config(), (4,)), examples=35)
    )
    (repeated.path / "config.json").write_text(config_to_json(config), encoding="utf-8")
    repeated.write_status(RunStatus("failed", "evaluation", 0, 0, "too few examples"))
    app = open_page("control", run=repeated.id)
    assert "change it here" in texts(app)
    assert app.number_input(key="evaluation_examples").value == 15
    assert app.multiselect(key="evaluation_ks").value == [4]
    app.button(key="start_evaluation").click().run()
    assert [order[0] for order in orders()] == ["evaluate"]
