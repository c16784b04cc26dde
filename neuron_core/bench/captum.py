"""The same scores computed by Captum, if it is installed (it is one of the requirements of the tests)."""

import torch

from neuron_core.cni.targets import ace_target
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel


def captum_layer(loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layer: int, steps: int) -> bool:
    """Attributes one layer by Captum's integrated gradients over whole prompts. False if Captum is not installed."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        return False
    ids = torch.tensor([prompt.token_ids], device=loaded.device)
    letters = torch.tensor(prompt.letter_ids, device=loaded.device)
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        seen.append(x[-1:].detach())
        return x

    def f(w: torch.Tensor) -> torch.Tensor:
        def put(x: torch.Tensor) -> torch.Tensor:
            rows = x.unflatten(0, (len(w), -1))
            return torch.cat([rows[:, :-1], w[:, None]], dim=1).flatten(0, 1)

        with edited_neurons(loaded, {layer: put}):
            final = loaded.model.base_model(input_ids=ids.expand(len(w), -1), use_cache=False).last_hidden_state
        return ace_target(letter_logits(loaded, final[:, -1], letters), target)

    with torch.no_grad(), edited_neurons(loaded, {layer: keep}):
        loaded.model.base_model(input_ids=ids, use_cache=False)
    IntegratedGradients(f).attribute(
        seen[0], baselines=0.0, n_steps=steps, method="riemann_right", internal_batch_size=4
    )
    return True
