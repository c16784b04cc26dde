"""Free-text answers: the fast form against the slow one, and both against what is known."""

import numpy as np
import pytest
import torch

from neuron_core.cni.attribution import attribute
from neuron_core.cni.logprob import answer_scores, fast_scores, letter_target, slow_scores, token_target
from neuron_core.errors import AttributionError, ConfigError
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.prompt_pass import run_prompt
from tests.builders import BASIC, LAYERS, n_hooks, tokens

every_family = pytest.mark.parametrize("family", BASIC)
ANSWER = (40, 12, 77)


def apart(found, expected):
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@every_family
def test_for_the_letter_target_it_is_the_attribution_that_everybody_uses(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    state = run_prompt(loaded, prompt)
    found = fast_scores(loaded, state, letter_target(loaded, prompt, 1), range(LAYERS), 16)
    assert apart(found, attribute(loaded, state, "q", 1).of("ace")) < 1e-12


@every_family
def test_the_fast_form_of_an_answer_equals_the_slow_one(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt, layers = tokens(loaded), range(1, 3)
    fast = answer_scores(loaded, prompt, ANSWER, layers, 5)
    slow = answer_scores(loaded, prompt, ANSWER, layers, 5, slow=True)
    assert fast.shape == (2, loaded.n_neurons)
    assert apart(fast, slow) < 1e-9
    assert n_hooks(loaded) == 0


def test_an_answers_score_is_the_sum_over_the_positions_that_predict_its_tokens(tiny_model):
    loaded = tiny_model("llama", "float64")
    prompt = tokens(loaded)
    whole = answer_scores(loaded, prompt, ANSWER, range(LAYERS), 4)
    terms = [
        slow_scores(
            loaded,
            TokenizedPrompt((*prompt.token_ids, *ANSWER[:j]), prompt.letter_ids),
            token_target(loaded, token),
            range(LAYERS),
            4,
        )
        for j, token in enumerate(ANSWER)
    ]
    assert apart(whole, sum(terms)) < 1e-9


def test_the_target_is_the_models_own_log_probability(tiny_model):
    loaded = tiny_model("llama", "float64")
    prompt = tokens(loaded)
    with torch.no_grad():
        logits = loaded.model(torch.tensor([prompt.token_ids])).logits[0, -1]
        found = token_target(loaded, 40)(run_prompt(loaded, prompt).final_hidden)
    assert float(found[0]) == pytest.approx(float(torch.log_softmax(logits, dim=-1)[40]), rel=1e-9)


def test_rows_that_are_not_the_model_are_refused(tiny_model):
    loaded = tiny_model("llama", "float64")
    state = run_prompt(loaded, tokens(loaded))
    drifting = iter([0.0, 1.0])

    def target(hidden):
        return hidden[:, 0] + next(drifting)

    with pytest.raises(AttributionError, match="differ from the unmodified model by 1"):
        fast_scores(loaded, state, target, range(1), 2)


def test_an_answer_without_a_token_is_refused(tiny_model):
    loaded = tiny_model("llama")
    with pytest.raises(ConfigError, match="without a token"):
        answer_scores(loaded, tokens(loaded), (), range(1))
