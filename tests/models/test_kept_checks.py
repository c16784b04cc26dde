"""The result of the checks at a load is kept, and used only where the checks would give it again."""

import json
from dataclasses import replace

import pytest

from neuron_core.errors import ModelError
from neuron_core.models import kept_checks
from neuron_core.models.kept_checks import check_model
from neuron_core.models.kept_files import CHECKED


@pytest.fixture
def passes(tiny_model, monkeypatch):
    """The checks that were made, by name. Those of the first loads are made before."""
    for how in (("llama",), ("gemma2",), ("llama", "float32"), ("llama", "bfloat16")):
        tiny_model(*how)
    made = []

    def noted(name):
        own = getattr(kept_checks, name)
        return lambda loaded: (made.append(name), own(loaded))[1]

    for name in ("check_head", "adds_neurons"):
        monkeypatch.setattr(kept_checks, name, noted(name))
    return made


BOTH = ["check_head", "adds_neurons"]


@pytest.mark.parametrize(("family", "adds"), [("llama", True), ("gemma2", False)])
def test_a_second_load_of_the_same_weights_is_not_checked_again(tiny_model, tmp_path, passes, family, adds):
    for _ in range(2):
        loaded = replace(tiny_model(family), adds_neurons=not adds)
        check_model(loaded, tmp_path)
        assert loaded.adds_neurons is adds
    assert passes == BOTH


def test_without_a_folder_every_load_is_checked(tiny_model, passes):
    for _ in range(2):
        check_model(replace(tiny_model("llama")))
    assert passes == [*BOTH, *BOTH]


@pytest.mark.parametrize("what", ["fingerprint", "dtype", "torch", "transformers", "code", "damaged", "no answer"])
def test_whatever_the_checks_depend_on_makes_them_anew(tiny_model, tmp_path, passes, monkeypatch, what):
    check_model(replace(tiny_model("llama")), tmp_path)
    loaded = replace(tiny_model("llama", "bfloat16" if what == "dtype" else "float32"))
    if what == "fingerprint":
        loaded.fingerprint = "0" * 16
    elif what in ("torch", "transformers"):
        monkeypatch.setattr(getattr(kept_checks, what), "__version__", "0.0")
    elif what == "code":
        monkeypatch.setattr(kept_checks, "code_digest", lambda *_: "0" * 16)
    elif what == "damaged":
        (tmp_path / CHECKED).write_text("{")
    elif what == "no answer":
        said = json.loads((tmp_path / CHECKED).read_text())
        (tmp_path / CHECKED).write_text(json.dumps({**said, "adds_neurons": "yes"}))
    check_model(loaded, tmp_path)
    assert passes == [*BOTH, *BOTH]


def test_a_model_that_fails_a_check_is_checked_at_every_load(tiny_model, tmp_path, monkeypatch):
    def fail(_):
        raise ModelError("the letter head differs")

    monkeypatch.setattr(kept_checks, "check_head", fail)
    for _ in range(2):
        with pytest.raises(ModelError, match="the letter head differs"):
            check_model(replace(tiny_model("llama")), tmp_path)
    assert not (tmp_path / CHECKED).exists()


def test_a_folder_that_can_not_be_written_is_no_error(tiny_model, tmp_path, passes):
    check_model(replace(tiny_model("llama")), tmp_path / "absent")
    assert passes == BOTH
