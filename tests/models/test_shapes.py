"""Random models of a published shape: the right sizes, the same weights, and no more memory than there is."""

import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models import shapes
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.shapes import SHAPES, free_memory, random_llama
from neuron_core.models.spec import EMBEDDED, ModelSpec
from tests.builders import PROMPT

CPU = ModelSpec(device="cpu")


@pytest.fixture
def tiny(monkeypatch, tiny_model):
    """The shape `tiny`, with the tokenizer of the tiny llama."""
    monkeypatch.setitem(SHAPES, "tiny", (32, 48, 3, 4))
    monkeypatch.setattr(shapes, "load_model", lambda spec: tiny_model("llama"))


def weights(loaded):
    return torch.cat([parameter.flatten() for parameter in loaded.model.parameters()])


def test_a_random_model_has_the_sizes_of_its_shape(tiny, tiny_model):
    loaded = random_llama("tiny", CPU)
    assert (loaded.hidden_size, loaded.n_neurons, loaded.n_layers) == (32, 48, 3)
    assert loaded.model.config.num_attention_heads == loaded.model.config.num_key_value_heads == 4
    assert loaded.architecture.name == "llama"
    assert loaded.spec.title == "tiny shape, random weights"
    assert loaded.tokenizer is tiny_model("llama").tokenizer
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_the_dtype_is_that_of_the_spec(tiny):
    assert random_llama("tiny", ModelSpec(dtype="bfloat16", device="cpu")).dtype == torch.bfloat16


def test_the_weights_are_the_same_every_time_and_leave_the_generator_alone(tiny):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = random_llama("tiny", CPU)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    second = random_llama("tiny", CPU)
    assert torch.equal(weights(first), weights(second))
    assert first.fingerprint == second.fingerprint
    assert weights(first).std() > 0


def test_an_unknown_shape_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"unknown shape 'huge'.*Accepted: smollm2-360m, llama-2-7b, llama-2-13b"):
        random_llama("huge", CPU)


def test_the_published_shapes_have_as_many_neurons_as_the_paper_counts():
    neurons = {name: layers * neurons for name, (_, neurons, layers, _) in SHAPES.items()}
    assert neurons == {"smollm2-360m": 81_920, "llama-2-7b": 352_256, "llama-2-13b": 552_960}
    for hidden, _, _, heads in SHAPES.values():
        assert hidden % heads == 0
        assert hidden // heads in (64, 128)


def test_a_model_larger_than_the_free_memory_is_refused_before_it_is_made(tiny, tiny_model, monkeypatch):
    needed = 4 * weights(random_llama("tiny", CPU)).numel()
    monkeypatch.setattr(shapes, "free_memory", lambda device: needed)
    assert random_llama("tiny", CPU).n_layers == 3
    monkeypatch.setattr(shapes, "free_memory", lambda device: needed - 1)
    with pytest.raises(ModelError, match=r"tiny in float32 takes 0\.0 GiB, and 0\.0 GiB are free.*smaller dtype"):
        random_llama("tiny", CPU)
    assert random_llama("tiny", ModelSpec(dtype="bfloat16", device="cpu")).n_layers == 3


def test_seven_billion_weights_are_counted_without_being_made(monkeypatch, tiny_model):
    monkeypatch.setattr(shapes, "load_model", lambda spec: tiny_model("llama"))
    monkeypatch.setattr(shapes, "free_memory", lambda device: 2**30)
    with pytest.raises(ModelError, match=r"llama-2-7b in float32 takes 24\.1 GiB, and 1\.0 GiB are free"):
        random_llama("llama-2-7b", CPU)


def test_free_memory_is_some_of_this_machines():
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50


def test_the_tokenizer_is_the_embedded_one(monkeypatch):
    monkeypatch.setitem(SHAPES, "tiny", (32, 48, 2, 4))
    loaded = random_llama("tiny", CPU)
    assert loaded.model.config.vocab_size == len(loaded.tokenizer) == 49_152
    assert len(set(tokenize_prompt(loaded.tokenizer, PROMPT).letter_ids)) == 4
    assert CPU.source == EMBEDDED
