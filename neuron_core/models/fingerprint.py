"""Fingerprints, which tell one model from another. No torch.

A fingerprint has three groups, SAMPLED-WHOLE-CONFIG@VERSION. The first, 16 hex digits, is over names, shapes and
sampled values of the weights, and over the dtype if it is tf32, which the weights do not say; runs of earlier versions
have it alone. The second, 16 hex digits, is over every bit of every weight and over the tokenizer. The third, 8 hex
digits, is over the numbers of the config as this version of transformers names them; another version may name them
otherwise, so that it is compared only within one version. The embedded models have the first group only: their files
are pinned by SHA-256.
"""


def same_model(one: str, other: str) -> bool:
    """Whether two fingerprints are of one model. One of an earlier version is compared by what it has."""
    if one == other:
        return True
    (sampled, *more), (sampled_other, *more_other) = one.split("-", 2), other.split("-", 2)
    if sampled != sampled_other or not more or not more_other:
        return sampled == sampled_other
    (whole, config), (whole_other, config_other) = more, more_other
    return whole == whole_other and config.partition("@")[2] != config_other.partition("@")[2]
