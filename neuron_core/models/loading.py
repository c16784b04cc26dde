"""The only file that calls from_pretrained: a ModelSpec becomes a LoadedModel."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models import hub
from neuron_core.models.architectures import architecture_of, check_kind, get_architecture
from neuron_core.models.baichuan import register_baichuan
from neuron_core.models.device import free_memory, pick_device
from neuron_core.models.embedded import cache_dir, converted_embedded
from neuron_core.models.explain import explained
from neuron_core.models.folder import (
    check_adapter,
    check_folder,
    check_tokenizer,
    read_config,
    refuse_code,
    weight_files,
    without_adapter,
)
from neuron_core.models.gguf_config import unused_notes
from neuron_core.models.gguf_header import GgufHeader, read_gguf_header
from neuron_core.models.gguf_tokenizer import cut_as_the_file_says
from neuron_core.models.gguf_weights import config_of_gguf, read_weights, unused_tensors, weight_names
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.lora import Factors, merge_lora, read_lora
from neuron_core.models.memory import check_fits
from neuron_core.models.placement import place_layers
from neuron_core.models.prepare import context_length_of, prepare_model
from neuron_core.models.quantised import check_quantised, keep_differentiable, quantised_notes, quantising
from neuron_core.models.spec import ModelSpec
from neuron_core.models.tokenizers import check_made, tokenizer_files
from neuron_core.models.user_families import register_file
from neuron_core.models.weights import check_dtypes, check_report
from neuron_core.models.wrappers import KEY_MAPPING, WRAPPERS, text_part
from neuron_core.paths import user_path

# What is left over after a load is checked here, and said in our own words.
for _name in ("modeling_utils", "distributed.tensor_parallel"):
    logging.getLogger(f"transformers.{_name}").setLevel(logging.ERROR)

Stage = Callable[[str], None]


def load_model(spec: ModelSpec, on_stage: Stage | None = None) -> LoadedModel:
    """Loads model and tokenizer, finds layers and down projections, checks the letter head.

    Raises ModelError, before anything large is fetched or read where that can be: no such device, not installed, not
    found, gated, not reachable, damaged, unknown architecture, code that was not confirmed, too large for the memory;
    then flash attention, wrong head, out of memory.
    """
    say = on_stage or (lambda _: None)
    device = pick_device(spec)
    register_baichuan()
    transformers_logging.disable_progress_bar()
    try:
        if spec.is_gguf:
            return _load_gguf(spec, device, say)
        adapter = _read_adapter(spec, say)
        folder, options = _resolve(spec, device, say)
        say("loading weights")
        tokenizer = _tokenizer_of(folder, spec)
        with without_adapter(folder) as weights:
            model, report = AutoModelForCausalLM.from_pretrained(
                weights,
                dtype=getattr(torch, spec.weight_dtype),
                output_loading_info=True,
                # They are in the report, with both shapes.
                ignore_mismatched_sizes=True,
                trust_remote_code=spec.trust_remote_code,
                **options,
            )
        keep_differentiable(model)
        notes = check_report(report, architecture_of(model.config).layers, spec.source)
        if adapter:
            say("merging the adapter")
            merge_lora(model, adapter, str(spec.adapter))
        loaded = prepare_model(spec, model, tokenizer, folder if spec.is_embedded else None)
        loaded.notes = (*notes, *quantised_notes(spec))
        return loaded
    except NeuronCoreError:
        raise
    # Damaged files raise errors of many libraries: safetensors, gguf, json, struct.
    except Exception as error:
        raise explained(error, spec) from error


def _read_adapter(spec: ModelSpec, say: Stage) -> list[Factors]:
    """The spec's adapter, before the weights are read; none where nothing is merged."""
    if not spec.merges or spec.adapter is None:
        return []
    folder = user_path(spec.adapter)
    return read_lora(folder if folder.is_dir() else hub.fetch_adapter(spec.adapter, say))


def _load_gguf(spec: ModelSpec, device: torch.device, say: Stage) -> LoadedModel:
    """As load_model; what the header says is checked before any weight is read."""
    path = user_path(spec.source)
    header = read_gguf_header(path)
    config = config_of_gguf(header)
    architecture_of(config)
    names = weight_names(header, config)
    if spec.device_map:
        raise ModelError("a GGUF file can't be placed by device_map", where=spec.source, accepted="no device_map")
    check_fits(spec, free_memory(device), f"{spec.title}, {device}")
    say("loading weights")
    tokenizer, notes = _gguf_tokenizer(header)
    adapter = _read_adapter(spec, say)
    model = _from_weights(header, config, names, getattr(torch, spec.weight_dtype), _placed(spec, config, device))
    if adapter:
        merge_lora(model, adapter, str(spec.adapter))
    loaded = prepare_model(spec, model, tokenizer)
    loaded.notes = (*unused_notes(header), *unused_tensors(header, config, names), *notes)
    return loaded


def _tokenizer_of(folder: Path, spec: ModelSpec) -> Any:
    with tokenizer_files(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=spec.trust_remote_code)
    check_made(tokenizer, spec.title)
    return tokenizer


def _gguf_tokenizer(header: GgufHeader) -> tuple[Any, tuple[str, ...]]:
    # AutoTokenizer takes ten times as long, for a config that it does not use.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(header.path.parent, gguf_file=header.path.name)
    return tokenizer, cut_as_the_file_says(tokenizer, header)


def _from_weights(
    header: GgufHeader, config: Any, names: dict[str, str], dtype: torch.dtype, options: dict[str, Any]
) -> Any:
    with torch.device("meta"):
        own_class = type(AutoModelForCausalLM.from_config(config))
    weights = read_weights(header, config, names, dtype)
    return own_class.from_pretrained(None, config=config, state_dict=weights, dtype=dtype, **options)


def _check_config(spec: ModelSpec, folder: Path) -> Any:
    """The config, once its family is known to be supported. ModelError for another, and for code not confirmed."""
    if spec.architecture:
        register_file(spec.architecture)
    raw = read_config(folder)
    refuse_code(raw, str(folder))
    check_quantised(spec, raw)
    if raw["model_type"] not in CONFIG_MAPPING:
        # transformers would ask for the code that came along; the table decides first.
        get_architecture(raw["model_type"])
    # Before the family's own code finds fault with a config that is refused anyway.
    check_kind(SimpleNamespace(**raw))
    config = text_part(AutoConfig.from_pretrained(folder, trust_remote_code=spec.trust_remote_code))
    architecture_of(config)
    return config


def _placed(spec: ModelSpec, config: Any, device: torch.device) -> dict[str, Any]:
    """Where from_pretrained is to put the weights, as its arguments."""
    if spec.device_map is None:
        # Straight to the GPU: by way of the machine's memory, they would have to fit there too.
        return {"device_map": {"": device}} if device.type == "cuda" else {}
    if spec.is_embedded or device.type == "mps":
        what = "the embedded model is small" if spec.is_embedded else "accelerate does not move layers to mps"
        raise ModelError(f"{what}: device_map is not for it", where=spec.title, accepted="no device_map")
    places = place_layers(spec, config, device)
    folder = cache_dir() / "offloaded" / hashlib.sha256(repr(spec).encode()).hexdigest()[:16]
    return {"device_map": places, "offload_folder": str(folder)}


def load_tokenizer(spec: ModelSpec, on_stage: Stage | None = None) -> tuple[Any, int]:
    """A model's tokenizer and the tokens that its context holds, without its weights. ModelError as of load_model."""
    say = on_stage or (lambda _: None)
    register_baichuan()
    try:
        if spec.is_gguf:
            path = user_path(spec.source)
            header = read_gguf_header(path)
            config = config_of_gguf(header)
            return _gguf_tokenizer(header)[0], context_length_of(config)
        if spec.is_hub:
            say("asking the hub")
            folder = hub.fetch_tokenizer(spec, say)
        else:
            folder = _converted_embedded(spec, say) if spec.is_embedded else user_path(spec.source)
        config = _check_config(spec, folder)
        check_tokenizer(folder)
        return _tokenizer_of(folder, spec), context_length_of(config)
    except NeuronCoreError:
        raise
    # As of load_model: damaged files raise errors of many libraries.
    except Exception as error:
        raise explained(error, spec) from error


def _resolve(spec: ModelSpec, device: torch.device, say: Stage) -> tuple[Path, dict[str, Any]]:
    """The folder for from_pretrained, and its further arguments. What can be checked without the weights is."""
    where = f"{spec.title}, {device}"
    if spec.is_hub:
        say("asking the hub")
        config = _check_config(spec, hub.fetch_config(spec))
        check_fits(spec, free_memory(device), where)
        folder = hub.fetch(spec, say)
        check_adapter(folder, spec.adapter)
        check_folder(folder)
        check_dtypes(weight_files(folder), read_config(folder))
    elif spec.is_embedded:
        check_fits(spec, free_memory(device), where)
        folder = _converted_embedded(spec, say)
        config = _check_config(spec, folder)
    else:
        folder = user_path(spec.source)
        check_adapter(folder, spec.adapter)
        config = _check_config(spec, folder)
        check_folder(folder)
        check_dtypes(weight_files(folder), read_config(folder))
        check_fits(spec, free_memory(device), where)
    options = _placed(spec, config, device) | quantising(spec, getattr(torch, spec.weight_dtype))
    if read_config(folder)["model_type"] in WRAPPERS:
        options |= {"config": config, "key_mapping": KEY_MAPPING}
    return folder, options


def _converted_embedded(spec: ModelSpec, say: Stage) -> Path:
    return converted_embedded(spec, say, _read_embedded)


def _read_embedded(source: Path) -> tuple[Any, Any]:
    """The model and the tokenizer of the embedded GGUF file, in float32."""
    # The tokenizer as it was when the demo adapter was trained. By now, transformers splits digits differently.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(source.parent, gguf_file=source.name)
    header = read_gguf_header(source)
    config = config_of_gguf(header)
    return _from_weights(header, config, weight_names(header, config), torch.float32, {}), tokenizer
