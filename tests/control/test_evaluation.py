"""Interventions as rows: which pass a row is in, and who is beside it, changes nothing."""

import numpy as np
import pytest
import torch

from neuron_core.control import evaluation
from neuron_core.control.evaluation import option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.errors import AttributionError, ModelError
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.prompt_state import PromptBatch
from tests.builders import CONTEXT, checkpoint, one_thread, tiny_model, tokens

__all__ = ["checkpoint", "one_thread", "tiny_model"]
pytestmark = pytest.mark.usefixtures("one_thread")
NONE = np.empty((0, 2), dtype=np.int32)


def neurons(*pairs):
    return np.array(pairs, dtype=np.int32)


PLAN = [
    Intervention(2, 1.0, "degrader", neurons((3, 4), (3, 5)), NONE),
    Intervention(2, 0.5, "enhancer", neurons((0, 1)), neurons((2, 8))),
    Intervention(1, 0.0, "degrader", NONE, neurons((1, 7))),
    Intervention(1, 0.0, "enhancer", NONE, NONE),
    Intervention(1, 1.0, "enhancer", neurons((2, 2)), NONE),
]


@pytest.mark.parametrize("family", ["llama", "gpt2", "falcon", "bloom", "gemma2"])
def test_an_intervention_gives_the_same_alone_and_beside_others_that_begin_at_other_layers(tiny_model, family):
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded))
    together = option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, PLAN, 100), ["q"])[0]
    assert together.shape == (6, 4)
    assert np.abs(together[[1, 2, 3, 5]] - together[0]).max(axis=1).min() > 1e-5
    assert np.array_equal(together[4], together[0])
    for rows_per_pass in (1, 2, 3, 4):
        apart = option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, PLAN, rows_per_pass), ["q"])[0]
        assert np.abs(apart - together).max() < 1e-6
    for number, intervention in enumerate(PLAN, start=1):
        alone = option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, [intervention], 100), ["q"])[0]
        assert np.abs(alone[1] - together[number]).max() < 1e-6


def test_a_row_enters_at_the_first_layer_that_its_intervention_touches(tiny_model):
    (chunk,) = plan_chunks(tiny_model("llama"), PLAN, 100)
    assert chunk.columns.tolist() == [1, 2, 4, 0, 3]
    assert chunk.entering == {0: 2, 1: 1, 2: 1, 3: 2}
    first, second, third = plan_chunks(tiny_model("llama"), PLAN, 3)
    assert [each.entering for each in (first, second, third)] == [{0: 2, 1: 1}, {2: 2, 3: 1}, {3: 2}]


@pytest.mark.parametrize("how", [option_probabilities, option_probabilities_all])
def test_no_intervention_is_the_unmodified_model_alone(tiny_model, how):
    loaded = tiny_model("llama")
    prompt = tokens(loaded)
    state = run_prompt(loaded, prompt)
    found = (
        how(loaded, prompt, [], "q")
        if how is option_probabilities_all
        else how(loaded, PromptBatch.of(state), [], ["q"])[0]
    )
    assert found.shape == (1, 4)
    assert found[0] == pytest.approx(state.letter_logits.softmax(-1).numpy(), abs=1e-6)


@pytest.mark.parametrize("wrong", [0.5, float("nan")])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_row_without_intervention_that_is_not_the_model_is_refused(tiny_model, monkeypatch, everywhere, wrong):
    loaded = tiny_model("llama")
    prompt = tokens(loaded)
    state = run_prompt(loaded, prompt)
    entered = evaluation.started_at if everywhere else evaluation.run_entering

    def other_start(loaded, *given, **more):
        if everywhere:
            return entered(loaded, {layer: wrong * hidden for layer, hidden in given[0].items()})
        return wrong * entered(loaded, *given, **more)

    monkeypatch.setattr(evaluation, "started_at" if everywhere else "run_entering", other_start)
    chunks = plan_chunks(loaded, PLAN[:1], 9)
    with pytest.raises(AttributionError, match=r"a row without intervention differs.*question q"):  # noqa: PT012
        if everywhere:
            option_probabilities_all(loaded, prompt, PLAN[:1], "q")
        option_probabilities(loaded, PromptBatch.of(state), chunks, ["q"])


def test_a_prompt_beyond_the_context_is_refused_at_all_positions_too(tiny_model):
    loaded = tiny_model("llama")
    prompt = TokenizedPrompt((5,) * (CONTEXT + 1), tokens(loaded).letter_ids)
    with pytest.raises(ModelError, match=f"{CONTEXT + 1} tokens"):
        option_probabilities_all(loaded, prompt, PLAN, "q")


def test_at_all_positions_a_pass_holds_about_as_many_tokens_as_it_may(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    prompt = tokens(loaded)
    rows = []
    entered = evaluation.started_at

    def counted(loaded, entering):
        rows.append([hidden.shape[0] for hidden in entering.values()])
        return entered(loaded, entering)

    monkeypatch.setattr(evaluation, "started_at", counted)
    plan = [PLAN[0]] * 12
    option_probabilities_all(loaded, prompt, plan, "q", positions_per_pass=7 * len(prompt.token_ids))
    # Six interventions and a row without any; never fewer than three.
    assert rows == [[7], [7]]
    rows.clear()
    option_probabilities_all(loaded, prompt, plan, "q", positions_per_pass=1)
    assert rows == [[4]] * 4
    assert torch.is_grad_enabled()
