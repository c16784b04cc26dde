"""Layers that do not fit on the device, on disk through accelerate: the same numbers as in memory."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from neuron_core.cni.attribution import attribute
from neuron_core.control.neuron import neuron_tokens
from neuron_core.errors import ModelError
from neuron_core.models import placement
from neuron_core.models.dimensions import dimensions_of_config
from neuron_core.models.loading import load_model
from neuron_core.models.memory import working_bytes
from neuron_core.models.placement import SHARE, place_layers, weights_of
from neuron_core.models.prompt_pass import run_prefix, run_prompt
from neuron_core.models.rows import run_rows
from neuron_core.models.spec import ModelSpec, embedded_gguf
from neuron_core.paths import PACKAGE
from tests.builders import FAMILIES, LAYERS, tokens

CPU = torch.device("cpu")
ONE_EACH = [name for name in FAMILIES if ":" not in name]


def bytes_of(modules):
    return sum(p.numel() * p.element_size() for module in modules for p in module.parameters())


def room_for(loaded, n_layers):
    """Free memory in which everything but layers, the work of a pass and `n_layers` layers and a half fit."""
    layers = bytes_of(loaded.layers)
    fixed = bytes_of([loaded.model]) - layers
    work = working_bytes(dimensions_of_config(loaded.model.config.to_dict()), "float32")
    return (fixed + work + (n_layers + 0.5) * layers / LAYERS) / SHARE


@pytest.fixture
def placed(checkpoint, tiny_model, monkeypatch, tmp_path):
    """`placed(family)`: the tiny model with its first layer in memory and the other three on disk."""

    def load(family):
        monkeypatch.setenv("NEURONLLM_CACHE", str(tmp_path))
        monkeypatch.setattr(placement, "free_memory", lambda _: room_for(tiny_model(family), 1))
        return load_model(ModelSpec(str(checkpoint(family)), device="cpu", device_map="auto"))

    return load


@pytest.mark.parametrize("family", ONE_EACH)
def test_a_model_on_disk_attributes_as_the_one_in_memory(placed, tiny_model, family):
    plain, apart = tiny_model(family), placed(family)
    on_disk = [all(p.device.type == "meta" for p in layer.parameters()) for layer in apart.layers]
    assert on_disk == [False, True, True, True]
    assert apart.fingerprint == plain.fingerprint
    ours, theirs = (attribute(each, run_prompt(each, tokens(each)), "q", 0) for each in (apart, plain))
    assert np.abs(ours.ig - theirs.ig).max() <= 1e-6 * np.abs(theirs.ig).max()
    # The last digit of a product depends on where its weights begin in memory.
    assert np.abs(ours.letter_probabilities - theirs.letter_probabilities).max() <= 1e-6


def test_rows_a_shared_prefix_and_a_later_start_work_on_disk_and_leave_the_model_as_it_was(placed, tiny_model):
    plain, apart = tiny_model("llama"), placed("llama")
    prompt = tokens(plain)
    found = []
    for each in (plain, apart, apart):
        state = run_prompt(each, prompt, run_prefix(each, prompt.token_ids[:30]))
        with torch.no_grad():
            found.append(run_rows(each, state, 3, {2: lambda x: x * 2}, first_layer=2))
    assert torch.allclose(found[0], found[1], atol=1e-6)
    assert torch.equal(found[1], found[2])
    assert all(p.device.type == "meta" for p in apart.layers[3].parameters())


def test_a_neuron_on_disk_promotes_what_it_promotes_in_memory(placed, tiny_model):
    assert neuron_tokens(placed("llama"), 3, 5) == neuron_tokens(tiny_model("llama"), 3, 5)


def test_a_layer_s_weights_are_reached_wherever_they_lie(placed, tiny_model):
    with weights_of(placed("gpt2").down_projections[3]) as own:
        assert torch.equal(own["bias"], tiny_model("gpt2").down_projections[3].bias)


def test_layers_follow_each_other_from_the_device_to_memory_to_disk(tiny_model, monkeypatch):
    loaded = tiny_model("opt")
    layer = bytes_of(loaded.layers) / LAYERS
    free = {"cuda": room_for(loaded, 1), "cpu": 2.5 * layer / SHARE}
    monkeypatch.setattr(placement, "free_memory", lambda device: free[device.type])
    places = place_layers(loaded.spec, loaded.model.config, torch.device("cuda:0"))
    assert [places[f"model.decoder.layers.{i}"] for i in range(LAYERS)] == [0, "cpu", "cpu", "disk"]
    assert {name: place for name, place in places.items() if "layers" not in name} == {
        "lm_head": 0,
        "model.decoder.embed_tokens": 0,
        "model.decoder.embed_positions": 0,
        "model.decoder.final_layer_norm": 0,
    }


def test_other_gpus_take_the_layers_that_the_first_has_no_room_for(tiny_model, monkeypatch):
    loaded = tiny_model("opt")
    layer = bytes_of(loaded.layers) / LAYERS
    work = working_bytes(dimensions_of_config(loaded.model.config.to_dict()), "float32")
    free = {None: room_for(loaded, 1), 1: (work + 1.5 * layer) / SHARE, 2: (work + 0.5 * layer) / SHARE}
    monkeypatch.setattr(placement, "free_memory", lambda d: free[d.index] if d.type == "cuda" else 1.5 * layer / SHARE)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)

    def placed(device):
        places = place_layers(loaded.spec, loaded.model.config, torch.device(device))
        return [places[f"model.decoder.layers.{i}"] for i in range(LAYERS)]

    assert placed("cuda") == [0, 1, "cpu", "disk"]
    free[1] *= 2
    assert placed("cuda") == [0, 1, 1, 1]
    free[0] = free[None]
    # A user who names one GPU gets one GPU.
    assert placed("cuda:0") == [0, "cpu", "disk", "disk"]


def test_all_gpus_that_hold_layers_count_for_the_size_of_passes(tiny_model):
    loaded = replace(tiny_model("opt"), device=torch.device("cuda"))
    assert loaded.devices == (torch.device("cuda"),)
    loaded.model = SimpleNamespace(hf_device_map={"a": 0, "b": 2, "c": 1, "d": "cpu", "e": 2})
    assert loaded.devices == tuple(map(torch.device, ("cuda", "cuda:1", "cuda:2")))


def test_no_pass_mixes_tensors_of_two_devices(checkpoint):
    """One family whose rows enter after a layer, one whose rows enter before it, and one whose rows are a batch."""
    several = [str(checkpoint(family)) for family in ("llama", "gemma2", "bloom")]
    command = [sys.executable, "-W", "ignore", "-m", "tests.models.two_devices", *several]
    ended = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]


def test_a_device_too_small_for_one_pass_is_refused(checkpoint, monkeypatch):
    monkeypatch.setattr(placement, "free_memory", lambda _: 10**6)
    with pytest.raises(ModelError, match=r"embedding, head and one pass need 0\.3 GB, and 0\.0 GB are free"):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", device_map="auto"))


def test_what_device_map_is_not_for_says_so():
    with pytest.raises(ModelError, match=r"unknown device_map 'balanced'\. Accepted: auto, or none"):
        ModelSpec(device_map="balanced")
    with pytest.raises(ModelError, match=r"the embedded model is small: device_map is not for it"):
        load_model(ModelSpec(device="cpu", device_map="auto"))
    with pytest.raises(ModelError, match=r"a GGUF file can't be placed by device_map"):
        load_model(ModelSpec(str(embedded_gguf()), device="cpu", device_map="auto"))
