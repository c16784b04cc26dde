"""Neuron sets as files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import check_model, from_json, load, set_of, to_json
from neuron_core.errors import ConfigError
from neuron_core.runs.setting import ModelFacts

FACTS = ModelFacts("Tiny", "0123abcd", "llama", "float32", "cpu", 3, 5)
RANKING = NeuronRanking(
    np.array([[2, 1], [0, 4], [1, 0], [2, 2]], dtype=np.int32),
    np.array([3.0, 0.5, -0.25, -4.0], dtype=np.float32),
    n_ambiguous=0,
    n_layers=3,
    n_neurons=5,
    z=2,
)


def made(k=10):
    return set_of(RANKING, k, name="mood", task="mood", method="ace", model=FACTS, config={"seed": 0})


def test_a_set_comes_back_from_json_as_it_was():
    assert from_json(to_json(made())) == made()


def test_a_budget_keeps_the_best_of_either_side():
    assert [(one.layer, one.index, one.score, one.role) for one in made(1).neurons] == [
        (2, 1, 3.0, "good"),
        (2, 2, -4.0, "bad"),
    ]


def test_a_set_is_the_ranking_it_was_made_of():
    ranking = made().ranking()
    assert np.array_equal(ranking.neurons, RANKING.neurons)
    assert np.array_equal(ranking.scores, RANKING.scores)
    assert (ranking.n_layers, ranking.n_neurons, ranking.note) == (3, 5, "file mood")


def test_another_model_is_refused_by_name():
    check_model(made(), "Tiny", "0123abcd", (3, 5))
    with pytest.raises(ConfigError, match=r"mood belongs to Tiny \(0123abcd\).*Other \(ffff\)"):
        check_model(made(), "Other", "ffff", (3, 5))
    with pytest.raises(ConfigError, match=r"3 layers of 5 neurons.*3 layers of 6 neurons"):
        check_model(made(), "Tiny", "0123abcd", (3, 6))


def changed(**changes):
    return json.dumps({**json.loads(to_json(made())), **changes})


def with_neuron(**changes):
    neurons = json.loads(to_json(made()))["neurons"]
    return changed(neurons=[{**neurons[0], **changes}, *neurons[1:]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a neuron set"),
        ("[]", "not a neuron set"),
        ('{"name": "x"}', "model_title"),
        (changed(format="other"), "format 'other', version 1"),
        (changed(version=2), "version 2"),
        (changed(neurons=[]), "without neurons"),
        (with_neuron(layer=3), "neuron 3.1.*layers 0 to 2"),
        (with_neuron(index=5), "neuron 2.5.*neurons 0 to 4"),
        (with_neuron(index=-1), "neuron 2.-1"),
        (with_neuron(layer=0, index=4), "twice"),
        (with_neuron(role="bad"), "2.1 is bad with score 3.0"),
        (with_neuron(score=0), "2.1 is good with score 0"),
        (with_neuron(role="ugly"), "role"),
        (with_neuron(layer="x"), "neurons.0.layer"),
        (with_neuron(layer=10**9), "neuron 1000000000.1.*layers 0 to 2"),
        (with_neuron(layer=10**30), "neuron 1000000000000000000000000000000.1"),
        (changed(n_layers=10**9), "1000000000 layers.*at most 1000 layers"),
        (changed(n_neurons=10**12), "1000000000000 neurons"),
        (changed(n_layers=0), "0 layers"),
    ],
)
def test_a_damaged_set_is_refused_and_says_what_is_wrong(text, said):
    with pytest.raises(ConfigError, match=said):
        from_json(text)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(ConfigError, match="too large"):
        load(tmp_path / "large.json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"can't be read.*none\.json"):
        load(tmp_path / "none.json")
    (tmp_path / "some.json").write_text(to_json(replace(made(), name="other")))
    assert load(tmp_path / "some.json").name == "other"
