"""A loaded model, with everything that a pass through it needs to know."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from neuron_core.models.architectures import Architecture
from neuron_core.models.spec import TF32, ModelSpec


@dataclass(eq=False)
class LoadedModel:
    """A causal language model, ready for attribution: in eval mode, no weight requires a gradient."""

    spec: ModelSpec
    model: Any
    tokenizer: Any
    architecture: Architecture
    layers: list[nn.Module]
    down_projections: list[nn.Module]
    n_neurons: int
    "neurons in each layer, I"
    hidden_size: int
    context_length: int
    device: torch.device
    fingerprint: str
    "what tells it from every other model, see `fingerprint`"
    adds_neurons: bool = False
    "whether each layer adds its down projection's output to the residual stream unchanged; measured when it is loaded"
    notes: tuple[str, ...] = ()
    "what a user should know about how it was loaded, for instance parts of its files that nothing uses"

    @property
    def n_layers(self) -> int:
        return len(self.layers)

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """The devices that compute: `device`, and the other GPUs on which layers are placed."""
        places = getattr(self.model, "hf_device_map", {}).values()
        gpus = sorted({place for place in places if isinstance(place, int)} - {self.device.index or 0})
        return (self.device, *(torch.device("cuda", number) for number in gpus))

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def dtype_name(self) -> str:
        """The dtype as a spec names it."""
        return TF32 if self.spec.dtype == TF32 else str(self.dtype).removeprefix("torch.")

    @property
    def score_dtype(self) -> torch.dtype:
        """The dtype of logits, probabilities and scores: float32, or float64 if the model has it."""
        return torch.promote_types(self.dtype, torch.float32)
