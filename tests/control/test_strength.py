"""How strongly neurons are changed: other factors, and silence to the mean instead of zero."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from neuron_core.control.evaluation import option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.control.side_effects import perplexities
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import ConfigError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.qatt.proxies import ROTATIONS
from neuron_core.runs.config import EvaluationConfig, SetUse
from neuron_core.runs.results import plan_for
from neuron_core.runs.store import Store
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, tokens, write_jsonl
from tests.run_helpers import tiny_config

__all__ = ["checkpoint", "one_thread", "tiny_model"]
pytestmark = pytest.mark.usefixtures("one_thread")
GOOD, BAD = np.array([[0, 3], [2, 8]], dtype=np.int32), np.array([[1, 7], [3, 1]], dtype=np.int32)


def by_hand(loaded, prompt, one, means):
    """The whole prompt with the last token's neurons changed one by one."""

    def changed(layer):
        def edit(x):
            out = x.clone()
            for at, index in one.excited.tolist():
                if at == layer:
                    out[-1, index] *= one.excite
            for at, index in one.silenced.tolist():
                if at == layer:
                    out[-1, index] = 0 if one.silence == "zero" else float(means[at, index])
            return out

        return edit

    ids = torch.tensor([prompt.token_ids])
    with torch.no_grad(), edited_neurons(loaded, {layer: changed(layer) for layer in range(loaded.n_layers)}):
        hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
        return torch.softmax(letter_logits(loaded, hidden, torch.tensor(prompt.letter_ids)), dim=-1)[0].numpy()


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "gemma2"])
def test_every_strength_is_what_the_whole_prompt_gives(tiny_model, family):
    loaded = tiny_model(family)
    prompt = tokens(loaded)
    means = np.random.default_rng(1).normal(0, 1, (loaded.n_layers, loaded.n_neurons)).astype(np.float32)
    plan = [
        Intervention(4, 0.5, direction, GOOD, BAD, excite=excite, silence=silence)
        for direction in ("enhancer", "degrader")
        for excite, silence in ((2.0, "zero"), (5.0, "zero"), (1.5, "mean"), (3.0, "mean"))
    ]
    chunks = plan_chunks(loaded, plan, 100, means)
    found = option_probabilities(loaded, PromptBatch.of(run_prompt(loaded, prompt)), chunks, ["q"])[0]
    for row, one in enumerate(plan, start=1):
        assert np.abs(found[row] - by_hand(loaded, prompt, one, means)).max() < 2e-6
    apart = np.abs(found[1:, None] - found[None, 1:]).max(axis=2) + np.eye(len(plan))
    assert apart.min() > 1e-6


def test_silence_to_the_value_that_a_neuron_has_changes_nothing(tiny_model):
    loaded = tiny_model("llama")
    state = run_prompt(loaded, tokens(loaded))
    one = Intervention(2, 1.0, "degrader", GOOD, np.empty((0, 2), dtype=np.int32), silence="mean")
    # The first of the two: what the second computes is changed by nothing then either.
    chunks = plan_chunks(loaded, [one], 10, state.neurons.numpy())
    found = option_probabilities(loaded, PromptBatch.of(state), chunks, ["q"])[0]
    assert np.abs(found[1] - found[0]).max() < 1e-6


def test_means_that_are_not_known_are_asked_for(tiny_model):
    one = Intervention(4, 0.5, "degrader", GOOD, BAD, silence="mean")
    with pytest.raises(ConfigError, match="silenced to their mean, because it is not known"):
        plan_chunks(tiny_model("llama"), [one], 10)


def test_all_positions_and_the_neutral_text_take_the_factor_too(tiny_model):
    loaded = tiny_model("llama")
    usual = Intervention(4, 0.5, "enhancer", GOOD, BAD)
    strong = replace(usual, excite=5.0)
    found = option_probabilities_all(loaded, tokens(loaded), [usual, strong], "q")
    assert np.abs(found[1] - found[2]).max() > 1e-5
    values = perplexities(loaded, "The soup was warm and the bread was fresh.", [usual, strong])
    assert len(set(values.round(6).tolist())) == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"excite": 1.0}, "excite is 1.*above 1"),
        ({"excite": 50.0}, "excite is 50.*at most 10"),
        ({"silence": "median"}, "unknown silence 'median'.*zero, mean"),
        ({"silence": "mean", "position": "all"}, "mean at all positions.*position last"),
    ],
)
def test_a_strength_that_is_none_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        EvaluationConfig(**settings)
    with pytest.raises(ConfigError, match="excite"):
        SetUse("x.json", "mine", excite=0.5)


def test_a_run_keeps_its_means_and_says_how_strongly_it_changed_neurons(tmp_path, tiny_model, checkpoint):
    task = write_jsonl(tmp_path / "mood.jsonl", classification_rows(24))
    evaluation = EvaluationConfig(
        examples=4, ks=(4,), ratios=(0.5,), random_seeds=1, excite=3.0, silence="mean", proxies=ROTATIONS
    )
    run = Store(tmp_path / "runs").create(tiny_config(task, checkpoint("llama"), evaluation=evaluation))
    engine = Engine.of(tiny_model("llama"))
    execute(run, lambda _: engine)
    assert {(row.excite, row.silence) for row in (*run.evaluation().grid, *run.evaluation().random)} == {(3.0, "mean")}
    assert {(one.excite, one.silence) for one in plan_for(run)} == {(3.0, "mean")}
    setting = run.setting()
    states = [run_prompt(engine.loaded, tokens(engine.loaded, q.prompt)) for q in setting.evaluation]
    expected = torch.stack([state.neurons for state in states]).mean(dim=0).numpy()
    np.testing.assert_allclose(run.means(), expected, atol=1e-5)
