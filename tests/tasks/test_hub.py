"""Hub datasets: their names, and what is said without the package that reads them."""

import builtins
import sys
from types import SimpleNamespace

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.hub import PRESETS, HubDataset, parse
from neuron_core.tasks.load import load_task


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("hub:someone/reviews", HubDataset("someone/reviews")),
        ("hub:someone/reviews:plain@train", HubDataset("someone/reviews", "plain", "train")),
        ("hub:reviews@dev", HubDataset("reviews", split="dev")),
        ("hub:sst", PRESETS["sst"]),
        ("hub:few-nerd@train", HubDataset("DFKI-SLT/few-nerd", "supervised", "train")),
    ],
)
def test_a_name_says_dataset_configuration_and_split(name, dataset):
    assert parse(name) == dataset


@pytest.mark.parametrize("name", ["hub:", "hub:a b", "hub:a/b/c", "hub:a@", "hub:a:b:c"])
def test_another_name_is_refused_with_the_presets(name):
    with pytest.raises(TaskError, match=r"not a hub dataset.*hub:few-nerd, hub:conll2000, hub:sst, hub:commonsenseqa"):
        parse(name)


def test_without_the_package_the_message_is_how_to_install_it(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **named):
        if name == "datasets":
            raise ImportError(name)
        return imported(name, *rest, **named)

    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TaskError, match=r"`datasets`, which is not installed.*hub:sst.*python -m pip install datasets"):
        load_task("hub:sst")


class Data(list):
    """A dataset's rows; `features` has the names of its classes."""


def test_the_records_of_a_dataset_become_rows_with_class_names(monkeypatch):
    asked = []
    data = Data({"text": f"text {i}", "label": i % 2} for i in range(6))
    data.features = {"text": None, "label": SimpleNamespace(names=["bad", "good"])}

    def load_dataset(*args, **named):
        asked.append((args, named))
        return data

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    reading = load_task("hub:someone/reviews:plain@dev")
    assert [e.fields["label"] for e in reading.task.examples] == ["bad", "good"] * 3
    assert (reading.task.name, reading.task.source) == ("reviews", "hub:someone/reviews:plain@dev")
    assert asked == [(("someone/reviews", "plain"), {"split": "dev", "revision": None})]


def test_the_five_classes_of_the_treebank_are_folded(monkeypatch):
    data = Data({"text": f"text {i}", "label": i} for i in range(5))
    data.features = {"text": None, "label": None}
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=lambda *_, **__: data))
    labels = [e.fields["label"] for e in load_task("hub:sst").task.examples]
    assert labels == ["negative", "negative", "neutral", "positive", "positive"]


def test_what_the_package_complains_about_is_passed_on(monkeypatch):
    def load_dataset(*_, **__):
        raise RuntimeError("Dataset 'x' doesn't exist\nmore")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(TaskError, match=r"can't be read: Dataset 'x' doesn't exist\. Where: hub:x"):
        load_task("hub:x")
