"""Makes a LoadedModel of a model in memory: finds its layers and down projections, and checks what the method needs."""

from functools import reduce
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError, first_of
from neuron_core.models.architectures import architecture_of
from neuron_core.models.device import pick_device
from neuron_core.models.identify import fingerprint_of
from neuron_core.models.kept_checks import check_model
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.placement import is_placed
from neuron_core.models.products import exact_products
from neuron_core.models.spec import TF32, ModelSpec


def context_length_of(config: Any) -> int:
    """Number of tokens that a model of this config can take. 2^20 if the config does not say it."""
    return int(getattr(config, "max_position_embeddings", 1 << 20))


def prepare_model(spec: ModelSpec, model: Any, tokenizer: Any, kept: Path | None = None) -> LoadedModel:
    """The LoadedModel of a model that is already in memory. Makes the same checks as `load_model`.

    kept: a folder that keeps the result of the checks, see `check_model`.
    """
    architecture = architecture_of(model.config)
    if "flash" in str(model.config._attn_implementation):
        raise ModelError("flash attention can't take the masks of this method", accepted="sdpa or eager attention")
    device = pick_device(spec)
    model = model.eval().requires_grad_(False)
    if not is_placed(model):
        model = model.to(device)
    layers = list(attribute_at(model, architecture.layers))
    down = [attribute_at(layer, architecture.down_projection) for layer in layers]
    widths = {width_of(each, architecture.write_axis) for each in down}
    if len(widths) > 1:
        raise ModelError(
            f"layers of unequal width: down projections of [{first_of(sorted(widths))}]",
            where=spec.title,
            accepted="a model with the same number of neurons in every layer",
        )
    loaded = LoadedModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        architecture=architecture,
        layers=layers,
        down_projections=down,
        n_neurons=widths.pop()[0],
        hidden_size=width_of(down[0], architecture.write_axis)[1],
        context_length=context_length_of(model.config),
        device=device,
        fingerprint=fingerprint_of(model, tokenizer, pinned=spec.is_embedded, tf32=spec.dtype == TF32),
    )
    with exact_products(device):
        check_model(loaded, kept)
    return loaded


def width_of(projection: Any, write_axis: str) -> tuple[int, int]:
    """Number of neurons and hidden size of a down projection, from its module: a quantised weight has another shape.

    ModelError when the module's write vectors lie along the other axis.
    """
    axis = "column" if hasattr(projection, "in_features") else "row" if hasattr(projection, "nf") else write_axis
    if axis != write_axis:
        raise ModelError(
            f"the write vectors of a {type(projection).__name__} are no {write_axis}s of its weight",
            where="the table's write_axis",
            accepted=axis,
        )
    if hasattr(projection, "in_features"):
        return projection.in_features, projection.out_features
    rows, columns = projection.weight.shape
    return (columns, rows) if write_axis == "column" else (rows, columns)


def attribute_at(module: Any, path: str) -> Any:
    """The part of a module at a path of the table, for instance `mlp.down_proj`. ModelError when there is none."""
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        raise ModelError(f"the model has no {path!r}", where=type(module).__name__) from None
