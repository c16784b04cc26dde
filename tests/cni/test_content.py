"""The method `content` in every family of the table, against the slow form and against Captum, and what it cancels."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from neuron_core.cni.attribution import attribute
from neuron_core.cni.methods import rank
from neuron_core.cni.reference import reference
from neuron_core.cni.score_sums import add_example, no_sums
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.targets import content_target
from neuron_core.models.prompt_pass import run_prompt
from tests.builders import FAMILIES, LAYERS, OTHER_PROMPT, tokens

TARGET, STEPS = 2, 4
every_family = pytest.mark.parametrize("family", FAMILIES)


def apart(found, expected):
    """Largest difference, relative to the largest expected score."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def captum_scores(loaded, prompt, layer):
    """Captum alone, over the model's own forward and its own logits."""
    down = loaded.model.get_submodule(f"{loaded.architecture.layers}.{layer}.{loaded.architecture.down_projection}")
    ids, others = torch.tensor([prompt.token_ids]), [i for i in range(4) if i != TARGET]
    seen = []
    handle = down.register_forward_pre_hook(lambda _, args: seen.append(args[0].reshape(-1, args[0].shape[-1])[-1]))
    with torch.no_grad():
        loaded.model(ids)
    handle.remove()

    def forward(w, ids):
        def put(_, args):
            # Some families fold the batch into the positions here.
            rows = args[0].reshape(len(w), -1, args[0].shape[-1])
            return (torch.cat([rows[:, :-1], w[:, None]], dim=1).reshape(args[0].shape),)

        handle = down.register_forward_pre_hook(put)
        try:
            letters = loaded.model(ids).logits[:, -1, list(prompt.letter_ids)]
        finally:
            handle.remove()
        return letters[:, TARGET] - letters[:, others].mean(dim=-1)

    integrated = IntegratedGradients(forward)
    found = integrated.attribute(
        seen[0][None].detach(), baselines=0.0, n_steps=STEPS, method="riemann_right", additional_forward_args=(ids,)
    )
    return found[0].detach().numpy()


@every_family
def test_content_equals_the_slow_form_and_captum_in_every_family(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded, OTHER_PROMPT)
    fast = attribute(loaded, run_prompt(loaded, prompt), "q", TARGET, targets=("content",), steps=STEPS)
    slow = reference(loaded, prompt, TARGET, range(LAYERS), name="content", steps=STEPS)
    # Some families compute their attention in float32 whatever the model's dtype.
    assert apart(fast.of("content"), slow) < 2e-6
    middle = LAYERS // 2
    assert apart(fast.of("content")[middle], captum_scores(loaded, prompt, middle)) < 2e-6
    assert fast.guard < 5e-7


def test_content_beside_other_targets_is_what_it_is_alone(tiny_model):
    loaded = tiny_model("llama", "float64")
    state = run_prompt(loaded, tokens(loaded, OTHER_PROMPT))
    alone = attribute(loaded, state, "q", TARGET, targets=("content",), steps=STEPS)
    beside = attribute(loaded, state, "q", TARGET, targets=("ace", "content", "tn"), steps=STEPS)
    assert apart(beside.of("content"), alone.of("content")) < 1e-12


def test_what_depends_on_the_letter_alone_cancels_over_four_rotations():
    bias = torch.tensor([[1.3, -0.4, 2.2, 0.1]])
    total = sum(content_target(bias, place) for place in range(4))
    assert float(total.abs().max()) < 1e-6
    assert float(content_target(bias, 2)) == pytest.approx(2.2 - (1.3 - 0.4 + 0.1) / 3)


def test_the_score_is_the_plain_sum_over_all_examples_whatever_z_and_whoever_changes_sign():
    values = np.array([[3, -1, 0.5, 0, -0.2, 0.1, 0, 0], [-1, -2, 0.25, 0, 0.1, 0.1, 0, 0]], dtype=np.float32)
    sums, kept = no_sums(("content",), 1, 8), []
    for row in values:
        question = AttributionScores(
            question_id="q",
            targets=("content",),
            ig=row[None, None],
            neurons=np.zeros((1, 8), dtype=np.float32),
            baseline=np.zeros(1, dtype=np.float32),
            zeroed=np.zeros((1, 1), dtype=np.float32),
            letter_probabilities=np.full(4, 0.25, dtype=np.float32),
            guard=0.0,
        )
        sums, one = add_example(sums, [question], 1)
        kept.append(one)
    made = rank("content", sums, kept, 1, 2)
    assert made.neurons[:, 1].tolist() == [0, 2, 5, 4, 1]
    np.testing.assert_allclose(made.scores, [2, 0.75, 0.2, -0.1, -3], rtol=1e-6)
    assert made.n_ambiguous == 0
