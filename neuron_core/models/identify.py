"""Makes the fingerprint of a loaded model, see `fingerprint`."""

import hashlib
import json
import re
from typing import Any

import torch
import transformers
from torch import nn

from neuron_core.models.letters import encode
from neuron_core.models.placement import weights_of

BLOCK = 1 << 17
"words of a weight that are summed at a time"
PROBES = (
    "Question: is 3,141.59 > 27?\nA. yes\tB. no\n\nAnswer:",
    "  Él niño's naïve café, 東京 – don't “re-do” X_1…",
    " A",
)
NUMBERS = re.compile(
    r"rope|rotary|theta|partial|eps|window|scal|cap|multipl|act|alibi|norm|head|layer|attention|position|bias|logit|"
    r"hidden|embd|parallel|residual"
)
"names of the entries of a config that change what a model computes"


def fingerprint_of(model: nn.Module, tokenizer: Any, *, pinned: bool = False, tf32: bool = False) -> str:
    """The fingerprint of a model and its tokenizer.

    pinned: only the first group, for files that are known by hash. tf32: whether the dtype is tf32, see `fingerprint`.
    """
    samples, sums = {}, {}
    for path, module in model.named_modules(remove_duplicate=False):
        with weights_of(module) as own:
            for name, tensor in own.items():
                full = f"{path}.{name}".lstrip(".")
                flat = tensor.detach().reshape(-1)
                sample = flat[:: max(1, flat.numel() // 64)][:80].float().cpu().numpy()
                samples[full] = f"{tuple(tensor.shape)}".encode() + sample.tobytes()
                if not pinned:
                    sums[full] = [str(tensor.dtype), list(tensor.shape), *_sums(flat)]
    sampled = _sampled(samples, b"tf32" if tf32 else b"")
    if pinned:
        return sampled
    whole, config = _digest([sums, _tokens(tokenizer)]), _digest(_numbers(model.config))
    return f"{sampled}-{whole[:16]}-{config[:8]}@{transformers.__version__}"


def _sampled(samples: dict[str, bytes], products: bytes) -> str:
    values = (name.encode() + samples[name] for name in sorted(samples))
    return hashlib.sha256(b"".join((*values, products))).hexdigest()[:16]


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _sums(flat: torch.Tensor) -> tuple[int, int]:
    """Two sums over the bits of a weight, modulo 2^64: any change of one value changes the second."""
    data = flat.contiguous().view(torch.uint8)
    n = data.numel() // 8 * 8
    if data.storage_offset() % 8:
        data = data.clone()
    words, plain, weighted = data[:n].view(torch.int64), 0, 0
    odd = 2 * torch.arange(min(BLOCK, words.numel()), device=data.device) + 1
    for start in range(0, words.numel(), BLOCK):
        block = words[start : start + BLOCK]
        total = int(block.sum())
        plain += total
        weighted += int((block * odd[: block.numel()]).sum()) + 2 * start * total
    rest = int.from_bytes(bytes(data[n:].cpu().tolist()), "little")
    return (plain + rest) % (1 << 64), (weighted + rest * (2 * words.numel() + 1)) % (1 << 64)


def _numbers(config: Any) -> dict[str, Any]:
    """The entries of a config that change what the model computes. What is off is left out: a later version of
    transformers may add entries that are off.
    """
    said = config.get_text_config().to_dict()
    return {name: value for name, value in said.items() if value and name[0] != "_" and NUMBERS.search(name)}


def _tokens(tokenizer: Any) -> list[Any]:
    """The vocabulary of a tokenizer, and how it cuts some texts that have a bit of everything."""
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items())).encode()
    return [hashlib.sha256(vocabulary).hexdigest(), *(encode(tokenizer, text) for text in PROBES)]
