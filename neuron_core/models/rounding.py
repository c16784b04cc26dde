"""How far two ways of computing the same value may differ by rounding."""

import torch

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"relative difference, by the dtype of the activations"
PRODUCTS = {"high": 1e-2, "medium": 5e-2}
"""the same for float32 whose matrix products may round their factors, to TF32 (high) or to bfloat16 (medium), see
`torch.get_float32_matmul_precision`"""


def rounding_limit(dtype: torch.dtype) -> float:
    """The largest relative difference that rounding explains."""
    products = PRODUCTS.get(torch.get_float32_matmul_precision(), 0.0) if dtype is torch.float32 else 0.0
    return max(LIMITS[dtype], products)
