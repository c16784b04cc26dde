"""How far two ways of computing the same value may differ by rounding."""

import torch

from neuron_core.models.loaded import LoadedModel

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"relative difference, by the dtype of the activations"
PRODUCTS = {"tf32": 1e-2, "bf16": 5e-2}
"the same for float32 while the factors of its matrix products may be rounded to TF32 or to bfloat16"


def rounding_limit(loaded: LoadedModel) -> float:
    """The largest relative difference that rounding explains in a pass that is computed now."""
    if loaded.dtype is not torch.float32:
        return LIMITS[loaded.dtype]
    backend = torch.backends.cuda if loaded.device.type == "cuda" else torch.backends.mkldnn
    return max(LIMITS[loaded.dtype], PRODUCTS.get(backend.matmul.fp32_precision, 0.0))
