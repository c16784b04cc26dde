"""Messages stay short, whatever stands in a file or a request: the first values of a list, and how many there are."""

from dataclasses import replace

import pytest

from neuron_core.errors import MOST_CHARACTERS, NeuronCoreError, first_of
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, config_from_json, config_to_json
from neuron_core.service.permissions import permissions
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.table import read_table
from neuron_core.tasks.validation import validate
from tests.tasks.files import xlsx

MANY = tuple(f"name {number}" for number in range(10_000))


def test_the_first_values_are_named_and_the_others_counted():
    assert first_of([1, 2, 3]) == "1, 2, 3"
    assert first_of(range(1000)) == "0, 1, 2, 3, 4, 5, 6, 7 and 992 more"
    assert len(first_of(["x" * 10**6] * 9)) < 800


def test_every_part_of_every_message_is_cut():
    error = NeuronCoreError("w" * 10**6, where="x" * 10**6, accepted="y" * 10**6)
    assert len(str(error)) < 3 * MOST_CHARACTERS + 300
    assert error.what.endswith("(1,000,000 characters in all)")
    short = NeuronCoreError("what", where="where", accepted="accepted")
    assert str(short) == "what. Where: where. Accepted: accepted."


def with_evaluation(**settings: object) -> str:
    text = config_to_json(RunConfig("ner", evaluation=EvaluationConfig(ks=(7,), ratios=(0.5,))))
    for name, value in settings.items():
        said = {"ks": '"ks": [7]', "ratios": '"ratios": [0.5]'}[name].replace(" ", "")
        squeezed = text.replace(" ", "").replace("\n", "")
        assert said in squeezed
        text = squeezed.replace(said, f'"{name}": {value}')
    return text


def read_bytes(data: bytes, name: str, **how: object) -> None:
    validate(read_table(data, name), "classification", **how)


WRONG = {
    "budgets": lambda: EvaluationConfig(ks=(7,) * 10_000),
    "ratios": lambda: EvaluationConfig(ratios=tuple(range(10_000))),
    "budgets of a file": lambda: config_from_json(with_evaluation(ks=[7] * 10_000)),
    "ratios of a file": lambda: config_from_json(with_evaluation(ratios=[0.55] * 10_000)),
    "methods": lambda: AttributionConfig(methods=("ace",) * 10_000),
    "a method": lambda: AttributionConfig(methods=("x" * 10**6,)),
    "tasks": lambda: ExperimentSetting(("ner",) * 10_000, ModelSpec(), 10),
    "labels": lambda: read_bytes(b"text,label\na,b\n", "t.csv", labels=MANY),
    "models": lambda: permissions(loopback=False, environment={"NEURONLLM_MODELS": ",".join(MANY)}).check_model(
        replace(RunConfig("ner").model, source="x" * 200)
    ),
    "a model": lambda: ModelSpec("x" * 10**6),
    "sheets": lambda: read_table(
        xlsx({f"sheet {number}": [["a"], ["b"]] for number in range(300)}), "t.xlsx", ReadOptions(part="none")
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_message_about_a_long_list_is_short(name):
    with pytest.raises(NeuronCoreError) as found:
        WRONG[name]()
    said = str(found.value)
    assert len(said) < 2_000
    assert " more" in said or "characters in all" in said or "…" in said
