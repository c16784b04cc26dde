"""Runs every kind of pass through a model whose layers are on two devices, on a machine that has neither.

    python -m tests.models.two_devices CHECKPOINT …

The devices are invented, and the tensors are torch's fake tensors: they have a device and no numbers. An operation on
tensors of two devices raises an error, as it does on GPUs. The backward pass is left out, because torch has none for
an invented device. A process of its own, because a device can't be taken back.
"""

import sys
from dataclasses import replace

import numpy as np
import torch
from accelerate import dispatch_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend
from transformers import AutoModelForCausalLM

from neuron_core.cni.attribution import integrate
from neuron_core.cni.targets import target_values
from neuron_core.control.evaluation import plan_chunks, rows_of
from neuron_core.control.interventions import Intervention
from neuron_core.control.neuron import _behind_post_norm, _write_vectors
from neuron_core.models.hooks import recorded_inputs
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.placement import _around
from neuron_core.models.prepare import attribute_at
from neuron_core.models.prompt_pass import run_prefix, run_prompts
from neuron_core.models.residual import _states
from neuron_core.models.spec import ModelSpec
from tests.builders import LAYERS, tokens


def move(module, device):
    # `Module.to` swaps the content of tensors, which fake tensors do not allow.
    for each in module.modules():
        for name, value in each.named_parameters(recurse=False):
            each._parameters[name] = torch.nn.Parameter(value.to(device), requires_grad=False)
        for name, value in each.named_buffers(recurse=False):
            each._buffers[name] = value.to(device)


def spread(plain, devices):
    """`plain` with the first half of its layers on the first device and the other half on the second."""
    path = plain.architecture.layers
    model = AutoModelForCausalLM.from_config(plain.model.config, dtype=torch.float32).eval()
    move(model, devices[0])
    layers = list(attribute_at(model, path))
    for layer in layers[LAYERS // 2 :]:
        move(layer, devices[1])
    places = dict.fromkeys(_around(model, path), devices[0])
    places |= {f"{path}.{number}": devices[number >= LAYERS // 2] for number in range(LAYERS)}
    model = dispatch_model(model, places, main_device=devices[0], force_hooks=True)
    down = [attribute_at(layer, plain.architecture.down_projection) for layer in layers]
    own = {"model": model, "layers": layers, "down_projections": down, "device": devices[0]}
    return LoadedModel(**{**plain.__dict__, **own})


def run_everything(plain, devices):
    first, second = devices
    loaded, prompt = spread(plain, devices), tokens(plain)
    ids = prompt.token_ids
    prompts = [prompt, replace(prompt, token_ids=(*ids[:-1], ids[-1] - 1, ids[-1]))]
    prefix = run_prefix(loaded, ids[:10])
    assert [keys.device for keys, _ in prefix.key_values] == [first, first, second, second]
    batches = run_prompts(loaded, prompts, prefix)
    letters = torch.tensor(prompt.letter_ids, device=first)

    def values_of(hidden):
        return torch.stack([target_values(loaded, rows, letters, 0, ("ace",)) for rows in hidden], dim=1)

    good = np.array([[layer, 3] for layer in range(LAYERS)], dtype=np.int32)
    plan = [Intervention(4, 1.0, "enhance", good[k:], good[:k], "ace") for k in range(3)]
    for batch in batches:
        assert {state.hidden.device for state in batch.states} == {first}
        found = integrate(loaded, batch, values_of, [0.5, 1.0], [1.0, 0.0], range(LAYERS), layers_per_pass=LAYERS)
        assert found.ig.shape == (1, len(batch.states), LAYERS, plain.n_neurons)
        assert found.ig.device == first
        for chunk in plan_chunks(loaded, plan, 8):
            assert rows_of(loaded, batch, chunk).shape == (len(batch.states), 4, plain.hidden_size)
    _states(loaded, torch.arange(5, 8, device=first), [2.0] * LAYERS, range(LAYERS))
    with recorded_inputs(loaded, range(LAYERS)):
        loaded.model.base_model(input_ids=torch.tensor([ids], device=first), use_cache=False)
    vectors = _write_vectors(loaded, LAYERS - 1)
    assert _behind_post_norm(loaded, LAYERS - 1, vectors[3]).device == first


def without_backward(_, inputs, *__, **___):
    """In place of torch.autograd.grad: gradients of the right shape and device."""
    return [torch.zeros_like(each) for each in ([inputs] if isinstance(inputs, torch.Tensor) else inputs)]


def hooked_at_once(tensor, hook):
    """In place of a tensor's register_hook, because there is no backward pass."""
    hook(torch.zeros_like(tensor))


def without_values(data, *, device="cpu", dtype=None):
    """In place of torch.tensor, which fills memory of the device, of which there is none."""
    values = np.asarray(data)
    kinds = {"f": torch.float32, "i": torch.int64, "b": torch.bool}
    return torch.empty(values.shape, dtype=dtype or kinds[values.dtype.kind], device=device)


def main():
    several = [load_model(ModelSpec(path, device="cpu")) for path in sys.argv[1:]]
    _setup_privateuseone_for_python_backend("invented")
    torch.autograd.grad = without_backward
    torch.Tensor.register_hook = hooked_at_once
    torch.tensor = without_values
    with FakeTensorMode(), torch.no_grad():
        for plain in several:
            run_everything(plain, (torch.device("invented:0"), torch.device("invented:1")))


if __name__ == "__main__":
    main()
