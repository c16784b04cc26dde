"""The only file that calls from_pretrained: a ModelSpec becomes a LoadedModel."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from platformdirs import user_cache_path
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from neuron_core.errors import ModelError
from neuron_core.models.adapter import merge_adapter, read_adapter
from neuron_core.models.architectures import Architecture, architecture_of
from neuron_core.models.baichuan import register_baichuan
from neuron_core.models.heads import HEADS
from neuron_core.models.spec import (
    ADAPTER_FILE,
    EMBEDDED,
    EMBEDDED_SHA256,
    ModelSpec,
    embedded_gguf,
    sha256_of,
)
from neuron_core.models.stream import adds_neurons

Stage = Callable[[str], None]
HEAD_TOLERANCE = 1e-4


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
    "neurons a layer, I"
    hidden_size: int
    context_length: int
    device: torch.device
    fingerprint: str
    "16 hex digits over names, shapes and sampled values of all parameters"

    @property
    def n_layers(self) -> int:
        return len(self.layers)

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def score_dtype(self) -> torch.dtype:
        """Of logits, probabilities and scores: float32, or float64 where the model itself is."""
        return torch.promote_types(self.dtype, torch.float32)

    @cached_property
    def adds_neurons(self) -> bool:
        """Whether a layer adds what its down projection writes to the hidden state as it is."""
        return adds_neurons(self)


def load_model(spec: ModelSpec, on_stage: Stage | None = None) -> LoadedModel:
    """Loads model and tokenizer, finds layers and down projections, checks the letter head.

    Raises ModelError: not installed, not found, unknown architecture, flash attention, wrong head.
    """
    say = on_stage or (lambda _: None)
    folder, options = _resolve(spec, say)
    options["trust_remote_code"] = spec.trust_remote_code
    register_baichuan()
    say("loading weights")
    transformers_logging.disable_progress_bar()
    try:
        # Before the weights: an unknown architecture is refused at once, an encoder-decoder by its name.
        # Not for GGUF: reading the header takes seconds, and prepare_model asks again.
        if "gguf_file" not in options:
            architecture_of(AutoConfig.from_pretrained(folder, **options))
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, spec.dtype), output_loading_info=True, **options
        )
    except ModelError:
        raise
    # Damaged files raise errors of many libraries: safetensors, gguf, json, struct.
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"the model can't be loaded: {first}",
            where=spec.source,
            accepted="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file",
        ) from error
    if missing := sorted(report["missing_keys"]):
        # transformers draws them at random and goes on.
        raise ModelError(f"the checkpoint lacks {len(missing)} weights, {missing[0]} first", where=spec.source)
    if spec.source == EMBEDDED:
        say("merging the demo adapter")
        merge_adapter(model, read_adapter(ADAPTER_FILE))
    return prepare_model(spec, model, tokenizer)


def prepare_model(spec: ModelSpec, model: Any, tokenizer: Any) -> LoadedModel:
    """Wraps a model that is already in memory; same checks as `load_model`."""
    architecture = architecture_of(model.config)
    if "flash" in str(getattr(model.config, "_attn_implementation", "")):
        raise ModelError("flash attention can't take the masks of this method", accepted="sdpa or eager attention")
    device = pick_device(spec)
    model = model.to(device).eval().requires_grad_(False)
    layers = list(_attribute(model, architecture.layers))
    down = [_attribute(layer, architecture.down_projection) for layer in layers]
    weight = down[0].weight
    loaded = LoadedModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        architecture=architecture,
        layers=layers,
        down_projections=down,
        n_neurons=weight.shape[1] if architecture.write_axis == "column" else weight.shape[0],
        hidden_size=weight.shape[0] if architecture.write_axis == "column" else weight.shape[1],
        context_length=int(getattr(model.config, "max_position_embeddings", 1 << 20)),
        device=device,
        fingerprint=_fingerprint(model),
    )
    _check_head(loaded)
    return loaded


def letter_logits(loaded: LoadedModel, hidden: torch.Tensor, letter_ids: torch.Tensor) -> torch.Tensor:
    """Logits of the letters in `score_dtype`. hidden: (R, D) after the final norm; ids: (4,) → (R, 4)."""
    head, dtype = loaded.model.get_output_embeddings(), loaded.score_dtype
    bias = None if getattr(head, "bias", None) is None else head.bias[letter_ids].to(dtype)
    logits = nn.functional.linear(hidden.to(dtype), head.weight[letter_ids].to(dtype), bias)
    return HEADS[loaded.architecture.head](logits, loaded.model.config)


def vocabulary_logits(loaded: LoadedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Logits of all tokens in `score_dtype`. hidden: (R, D) after the final norm → (R, V)."""
    logits = loaded.model.get_output_embeddings()(hidden).to(loaded.score_dtype)
    return HEADS[loaded.architecture.head](logits, loaded.model.config)


def _check_head(loaded: LoadedModel) -> None:
    """The two functions above must give the model's own logits on one prompt."""
    ids = torch.tensor([loaded.tokenizer("Question: one or two?\nAnswer:")["input_ids"]], device=loaded.device)
    letters = torch.arange(4, device=loaded.device) + 5
    with torch.no_grad():
        own = loaded.model(ids, use_cache=False).logits[0, -1].to(loaded.score_dtype)
        hidden = loaded.model.base_model(ids, use_cache=False).last_hidden_state[0, -1:]
        parts = torch.stack([letter_logits(loaded, hidden, letters)[0], vocabulary_logits(loaded, hidden)[0, letters]])
    tolerance = HEAD_TOLERANCE if loaded.dtype in (torch.float32, torch.float64) else 0.05
    off = float((parts - own[letters]).abs().max() / own.abs().max().clamp_min(1e-6))
    if off > tolerance:
        raise ModelError(
            f"the letter head of {loaded.architecture.name} differs from the model's own logits by {off:.1e}",
            accepted=f"a relative difference below {tolerance}",
        )


def _attribute(module: Any, path: str) -> Any:
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        raise ModelError(f"the model has no {path!r}", where=type(module).__name__) from None


def pick_device(spec: ModelSpec) -> torch.device:
    """The device that a spec asks for; ModelError when this machine has none."""
    if spec.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if spec.device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError("no CUDA device is available", where="device", accepted="auto, cpu")
    if spec.device == "mps" and not torch.backends.mps.is_available():
        raise ModelError("no MPS device is available", where="device", accepted="auto, cpu")
    return torch.device(spec.device)


def _fingerprint(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        sample = flat[:: max(1, flat.numel() // 64)][:80].float().cpu().numpy()
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + sample.tobytes())
    return digest.hexdigest()[:16]


def cache_dir() -> Path:
    """Where converted models lie: NEURONLLM_CACHE, or the user's cache folder."""
    return Path(os.environ.get("NEURONLLM_CACHE") or user_cache_path("neuronllm-explorer"))


def _resolve(spec: ModelSpec, say: Stage) -> tuple[str, dict[str, Any]]:
    """The folder or hub id for from_pretrained, and its further arguments."""
    if spec.is_embedded:
        return str(_converted_embedded(say)), {}
    path = Path(spec.source).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError("there is no such GGUF file", where=str(path))
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError("the folder has no config.json", where=str(path), accepted="a transformers checkpoint")
        return str(path), {}
    return spec.source, {"revision": spec.revision} if spec.revision else {}


def _converted_embedded(say: Stage) -> Path:
    """The embedded GGUF as a float32 checkpoint in the user's cache: reading it takes a tenth of the time."""
    target = cache_dir() / "models" / EMBEDDED_SHA256[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(str(target) + ".lock"):
        if target.is_dir():
            return target
        source = embedded_gguf()
        say("checking the embedded weights")
        found = sha256_of(source)
        if found != EMBEDDED_SHA256:
            raise ModelError(
                f"the embedded weights are not the pinned ones (sha256 {found[:12]}…)",
                where=source.name,
                accepted=f"sha256 {EMBEDDED_SHA256}",
            )
        say("converting the embedded weights (once)")
        transformers_logging.disable_progress_bar()
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
        # The weights are plain float32 by now; the note that they came quantised would forbid saving them.
        del model.config.quantization_config
        model.hf_quantizer = None
        half_made = target.with_suffix(".part")
        shutil.rmtree(half_made, ignore_errors=True)
        model.save_pretrained(half_made)
        tokenizer.save_pretrained(half_made)
        half_made.rename(target)
    with suppress(OSError):
        Path(str(target) + ".lock").unlink()
    return target
