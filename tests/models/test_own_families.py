"""Families that a user registers, and quantised weights."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, HyperCLOVAXConfig, LlamaConfig

from neuron_core.bench.families import ALLOWED, attribution_apart, states_of
from neuron_core.bench.small_models import byte_tokenizer
from neuron_core.cni.attribution import attribute
from neuron_core.cni.reference import reference
from neuron_core.errors import ModelError
from neuron_core.models import quantised
from neuron_core.models.architectures import Architecture, architectures, forget_architecture
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loading import load_model
from neuron_core.models.memory import need_of
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.quantised import quantising
from neuron_core.models.spec import ModelSpec
from neuron_core.models.user_families import register_file
from tests.builders import LLAMA_LIKE

LINE = {"name": "hyperclovax", "layers": "model.layers", "down_projection": "mlp.down_proj", "attention": "registry"}


@pytest.fixture(autouse=True)
def _table():
    before = architectures()
    yield
    for line in set(architectures()) - set(before):
        forget_architecture(line.name)
    assert architectures() == before


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("hyperclovax")
    tokenizer = byte_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = HyperCLOVAXConfig(vocab_size=len(tokenizer), logits_scaling=1.0, use_post_norm=False, **LLAMA_LIKE)
        AutoModelForCausalLM.from_config(config).save_pretrained(found)
    tokenizer.save_pretrained(found)
    return found


def write(tmp_path, line, name="family.json"):
    (tmp_path / name).write_text(line if isinstance(line, str) else json.dumps(line))
    return str(tmp_path / name)


@pytest.mark.parametrize("form", ["json", "python"])
def test_a_family_of_the_user_is_computed_exactly(tmp_path, folder, form):
    code = (
        "from neuron_core.models.architectures import Architecture, register_architecture\n"
        f"register_architecture(Architecture(**{LINE!r}))\n"
    )
    file = write(tmp_path, LINE) if form == "json" else write(tmp_path, code, "family.py")
    with pytest.raises(ModelError, match="'hyperclovax' is not supported"):
        load_model(ModelSpec(str(folder), device="cpu"))
    for _ in range(2):
        loaded = load_model(ModelSpec(str(folder), device="cpu", architecture=file))
    assert attribution_apart(loaded, states_of(loaded)) <= ALLOWED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"down_projection": "mlp.nowhere"}, "the model has no 'mlp.nowhere'"),
        ({"layers": "model.norm"}, "."),
        ({"head": "soft-cap"}, "."),
        ({"tuple_output": True}, "returns a tensor, the table says otherwise"),
        ({"write_axis": "row"}, "write vectors of a Linear are no rows"),
    ],
)
def test_a_wrong_line_is_refused_when_the_model_loads(tmp_path, folder, change, message):
    file = write(tmp_path, {**LINE, **change})
    with pytest.raises(ModelError, match=message):
        load_model(ModelSpec(str(folder), device="cpu", architecture=file))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "can't be read"),
        ("[]", "has no line"),
        ({"name": "x"}, "needs name, layers and down_projection"),
        ({**LINE, "rows": "sideways"}, "rows = 'sideways'.*packed, batch"),
        ({**LINE, "post_norm": "yes"}, "post_norm = 'yes'.*bool"),
        ({**LINE, "colour": 1}, "unknown field 'colour'"),
        ({**LINE, "name": "llama"}, "'llama' is in the table already"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, content, message):
    with pytest.raises(ModelError, match=message):
        register_file(write(tmp_path, content))


def test_python_that_fails_or_changes_a_known_family_is_refused(tmp_path):
    with pytest.raises(ModelError, match="failed: ZeroDivisionError: division by zero"):
        register_file(write(tmp_path, "1 / 0", "family.py"))
    with pytest.raises(ModelError, match="failed: SystemExit"):
        register_file(write(tmp_path, "raise SystemExit", "family.py"))
    code = (
        "from neuron_core.models.architectures import Architecture, register_architecture\n"
        "register_architecture(Architecture('other', 'a', 'b'))\n"
        "register_architecture(Architecture('llama', 'a', 'b'))\n"
    )
    with pytest.raises(ModelError, match="'llama' is in the table already"):
        register_file(write(tmp_path, code, "family.py"))
    assert Architecture("llama", "model.layers", "mlp.down_proj", attention="registry") in architectures()


def test_no_file_and_another_kind_of_file_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no such architecture file"):
        register_file(str(tmp_path / "nowhere.json"))
    with pytest.raises(ModelError, match="neither JSON nor Python"):
        register_file(write(tmp_path, "", "family.txt"))


# Quantised weights


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "bitsandbytes"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "GPTQ"),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "AWQ"),
        ({"quantization": {"group_size": 64, "bits": 4}}, "MLX"),
        ({"quantization_config": {"quant_method": "bitnet"}}, "BitNet"),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, "8-bit floats"),
        ({"compression_config": {"format": "pack-quantized"}}, "compression_config"),
    ],
)
def test_a_quantised_checkpoint_is_refused_by_name_before_its_weights_are_looked_for(tmp_path, config, name):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", **LLAMA_LIKE, **config}))
    with pytest.raises(ModelError, match=rf"weights are quantised \({name}.*--load-in-4bit"):
        load_model(ModelSpec(str(tmp_path), device="cpu"))


@pytest.mark.parametrize("bits", [4, 8])
def test_quantising_while_reading_names_the_package_that_it_needs(checkpoint, monkeypatch, bits):
    there = importlib.util.find_spec
    absent = lambda name, *more: None if name == "bitsandbytes" else there(name, *more)  # noqa: E731
    monkeypatch.setattr(quantised.importlib.util, "find_spec", absent)
    spec = ModelSpec(str(checkpoint("llama")), device="cpu", **{f"load_in_{bits}bit": True})
    with pytest.raises(ModelError, match=rf"--load-in-{bits}bit needs.*python -m pip install bitsandbytes"):
        load_model(spec)


# With 8 bits the inputs of each product are rounded too: a difference of 1e-7 may become one of a whole step.
@pytest.mark.parametrize(("bits", "within"), [(4, 1e-5), (8, 2e-2)])
def test_a_model_quantised_while_it_is_read_has_the_scores_of_the_full_procedure(checkpoint, bits, within):
    spec = ModelSpec(str(checkpoint("llama")), device="cpu", **{f"load_in_{bits}bit": True})
    loaded, plain = load_model(spec), load_model(ModelSpec(spec.source, device="cpu"))
    assert type(loaded.down_projections[0]).__module__.startswith("bitsandbytes")
    assert (loaded.n_layers, loaded.n_neurons, loaded.hidden_size) == (
        plain.n_layers,
        plain.n_neurons,
        plain.hidden_size,
    )
    assert loaded.fingerprint != plain.fingerprint
    prompt = tokenize_prompt(loaded.tokenizer, "Which one?\nA. red\nB. blue\nC. green\nD. grey\nAnswer:")
    # Twice: bitsandbytes may keep its weights in another form once it has seen a pass without gradients.
    for _ in range(2):
        fast = attribute(loaded, run_prompt(loaded, prompt), "q", 1, steps=4).of("ace")
        slow = reference(loaded, prompt, 1, range(loaded.n_layers), steps=4)
        assert np.abs(fast - slow).max() <= within * np.abs(slow).max()
    own = reference(plain, prompt, 1, range(plain.n_layers), steps=4)
    assert np.abs(slow - own).max() > within * np.abs(own).max()


def test_quantising_asks_transformers_for_products_in_the_wanted_dtype():
    found = quantising(ModelSpec("some/model", load_in_4bit=True), torch.float32)["quantization_config"]
    assert found.load_in_4bit
    assert found.bnb_4bit_compute_dtype == torch.float32
    assert quantising(ModelSpec("some/model", load_in_8bit=True), torch.float32)["quantization_config"].load_in_8bit
    assert quantising(ModelSpec("some/model"), torch.float32) == {}


def test_four_bits_need_less_memory_and_only_in_the_layers():
    whole, eight, four = (
        need_of(ModelSpec("Qwen/Qwen2.5-7B-Instruct", **options)).weights
        for options in ({}, {"load_in_8bit": True}, {"load_in_4bit": True})
    )
    assert whole > eight > four > 4 * 2 * 152064 * 3584


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load_in_4bit": True, "load_in_8bit": True}, "at once"),
        ({"load_in_4bit": True, "source": "embedded"}, "is not for this source"),
        ({"load_in_8bit": True, "device_map": "auto"}, "is not for device_map"),
        ({"load_in_8bit": True, "adapter": "x"}, "can't be merged with --load-in-8bit"),
        ({"device_map": "auto", "adapter": "x"}, "can't be merged with device_map"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        ModelSpec(**{"source": "some/model", **options})


def test_the_sizes_of_a_quantised_projection_are_those_of_its_module(monkeypatch, tmp_path):
    """A packed weight lies in one column; the module still says what goes in and out."""
    config = LlamaConfig(vocab_size=len(byte_tokenizer()), **LLAMA_LIKE)
    from neuron_core.models.prepare import width_of

    layer = AutoModelForCausalLM.from_config(config).model.layers[0].mlp.down_proj
    layer.weight = torch.nn.Parameter(torch.zeros(768, 1, dtype=torch.uint8), requires_grad=False)
    assert width_of(layer, "column") == (48, 32)


def test_with_eight_bits_it_is_said_once_and_not_at_every_product_that_inputs_are_rounded(checkpoint, caplog):
    loaded = load_model(ModelSpec(str(checkpoint("llama")), device="cpu", load_in_8bit=True))
    assert loaded.notes == ("8-bit products round their inputs, first to float16 and then to 8 bits",)
    loaded.model(torch.tensor([[5, 6, 7]]))
    assert [record for record in caplog.records if record.name.startswith("bitsandbytes.autograd")] == []
