"""Letter mass and perplexity of a neutral text, against the model's own forward pass."""

import numpy as np
import pytest
import torch

from neuron_core.control.evaluation import plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.control.side_effects import letter_mass, perplexities
from neuron_core.errors import ModelError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.prompt_state import PromptBatch
from tests.builders import BASIC, checkpoint, n_hooks, one_thread, tiny_model, tokens

__all__ = ["checkpoint", "one_thread", "tiny_model"]
TEXT = "The ferry leaves at seven and returns at noon. It carries mail and flour."
NOBODY = np.zeros((0, 2), dtype=np.int32)
every_family = pytest.mark.parametrize("family", BASIC)


def plan():
    some, other = np.array([[1, 3], [2, 0]], dtype=np.int32), np.array([[0, 5]], dtype=np.int32)
    return [
        Intervention(2, 1.0, "enhancer", some, NOBODY),
        Intervention(2, 0.5, "degrader", some, other),
        Intervention(1, 0.0, "enhancer", NOBODY, other),
    ]


def scaled(one, last_only):
    """The intervention as plain code: by layer, a function of x (T, I)."""
    edits = {}
    for neurons, factor in ((one.excited, 2.0), (one.silenced, 0.0)):
        for layer, index in neurons.tolist():
            edits.setdefault(layer, []).append((index, factor))

    def edit_for(pairs):
        def edit(x):
            out = x.clone()
            for index, factor in pairs:
                out[-1 if last_only else slice(None), index] *= factor
            return out

        return edit

    return {layer: edit_for(pairs) for layer, pairs in edits.items()}


@every_family
def test_mass_on_the_letters_is_that_of_the_model_s_own_softmax(tiny_model, family, one_thread):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    ids, letters = torch.tensor([prompt.token_ids]), list(prompt.letter_ids)
    expected = []
    for edits in ({}, *(scaled(one, last_only=True) for one in plan())):
        with edited_neurons(loaded, edits), torch.no_grad():
            expected.append(float(loaded.model(ids).logits[0, -1].softmax(-1)[letters].sum()))
    found = letter_mass(loaded, PromptBatch.of(run_prompt(loaded, prompt)), plan_chunks(loaded, plan(), 3))[0]
    assert found == pytest.approx(expected, rel=1e-10)
    assert len(set(np.round(found, 12))) == 4
    assert n_hooks(loaded) == 0


@every_family
def test_perplexity_is_the_exponential_of_the_model_s_own_loss(tiny_model, family, one_thread):
    loaded = tiny_model(family, "float64")
    ids = torch.tensor([loaded.tokenizer(TEXT)["input_ids"]])
    expected = []
    for edits in ({}, *(scaled(one, last_only=False) for one in plan())):
        with edited_neurons(loaded, edits), torch.no_grad():
            expected.append(float(torch.exp(loaded.model(ids, labels=ids).loss)))
    assert perplexities(loaded, TEXT, plan()) == pytest.approx(expected, rel=1e-5)
    assert n_hooks(loaded) == 0


def test_a_text_without_a_second_token_has_no_perplexity(tiny_model):
    with pytest.raises(ModelError, match="fewer than two tokens"):
        perplexities(tiny_model("gpt2"), "", plan())
