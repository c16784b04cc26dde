"""Fingerprints, which tell one model from another. No torch.

A fingerprint is two groups of 16 hex digits, SAMPLED-WHOLE. The first is over names, shapes and sampled values of the
weights; runs of earlier versions have it alone. The second is over every bit of every weight, over the numbers of the
config and over the tokenizer. The embedded models have the first group only: their files are pinned by SHA-256.
"""


def same_model(one: str, other: str) -> bool:
    """Whether two fingerprints are of one model. One of an earlier version is compared by what it has."""
    (first, _, whole), (second, _, whole_other) = one.partition("-"), other.partition("-")
    return first == second and (whole == whole_other or not whole or not whole_other)
