"""The table of supported architectures: where layers and down projections are, what a row may attend to. No torch."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from neuron_core.errors import ModelError
from neuron_core.models.refusals import why_refused

Rows = Literal["packed", "batch"]
Attention = Literal["registry", "own"]
Window = Literal["none", "sliding", "layered", "local"]
Head = Literal["linear", "soft-cap", "divided", "multiplied"]


@dataclass(frozen=True)
class Architecture:
    """One line of the table, found by `config.model_type`.

    layers, down_projection: attribute paths from the causal model and from one layer. rows: `packed` puts R
    single-token rows into one sequence, with equal positions and a mask that keeps them apart; `batch` makes each row a
    sequence of its own, with a copy of the cached keys and values. attention: `registry` if the family takes its
    attention function from transformers' registry. Packed rows can then use one without an R×R block. `own` if the
    family has its own code, whose mask needs that block. batch_if: name of a config flag with which the family needs
    `batch`, for instance Falcon with ALiBi. window: which cached tokens a row sees. `none`: all. `sliding`: the last
    `config.sliding_window` in every layer. `layered`: in some layers all, in others the window. `local`: the attention
    itself masks by place in the cache, only with `batch`. head: how logits follow from the last hidden state. `linear`:
    weight rows plus bias, if any; then `soft-cap`: c·tanh(logit / c) with `config.final_logit_softcapping`; `divided`:
    by `config.logits_scaling`; `multiplied`: by `config.logit_scale`. write_axis: whether a neuron's write vector is a
    `column` of the down projection's weight (Linear) or a `row` (Conv1D). post_norm: whether a norm follows the down
    projection. The completeness gap then does not close (METHOD, section 7). post_norm_path: attribute path of that
    norm from one layer. tuple_output: whether a layer returns a tuple whose first entry is the hidden state.
    """

    name: str
    layers: str
    down_projection: str
    rows: Rows = "packed"
    attention: Attention = "own"
    batch_if: str = ""
    window: Window = "none"
    head: Head = "linear"
    write_axis: Literal["column", "row"] = "column"
    post_norm: bool = False
    post_norm_path: str = "post_feedforward_layernorm"
    tuple_output: bool = False


_TABLE: dict[str, Architecture] = {}


def register_architecture(architecture: Architecture) -> None:
    """Adds or replaces a line of the table. ModelError for `local` attention with `packed` rows, which share places."""
    if architecture.window == "local" and architecture.rows != "batch":
        raise ModelError("local attention can't take packed rows", where=architecture.name, accepted="rows='batch'")
    _TABLE[architecture.name] = architecture


def forget_architecture(name: str) -> None:
    """Removes a line from the table, if it is there."""
    _TABLE.pop(name, None)


def architectures() -> tuple[Architecture, ...]:
    """All lines of the table, in order of registration."""
    return tuple(_TABLE.values())


def get_architecture(model_type: str) -> Architecture:
    """The line of a `config.model_type`. ModelError for an unknown one; it lists the known ones."""
    if model_type not in _TABLE:
        raise _unsupported(model_type)
    return _TABLE[model_type]


def check_kind(config: Any) -> None:
    """ModelError for the config of a kind of model that can't be attributed. config: an object with its fields."""
    if why := why_refused(config):
        raise _unsupported(config.model_type, f": {why}")


def architecture_of(config: Any) -> Architecture:
    """The line of a model's config, with the row mode that the config needs.

    ModelError for an unknown family, and for hybrids, mixtures of experts, encoders, encoder-decoders and bidirectional
    attention; it names which of these the model is.
    """
    check_kind(config)
    line = get_architecture(config.model_type)
    return replace(line, rows="batch") if line.batch_if and getattr(config, line.batch_if) else line


def _unsupported(model_type: str, why: str = "") -> ModelError:
    return ModelError(f"the architecture {model_type!r} is not supported{why}", accepted=", ".join(_TABLE))


def _llama_like(name: str, **other: Any) -> Architecture:
    return Architecture(name, layers="model.layers", down_projection="mlp.down_proj", attention="registry", **other)


for _line in (
    _llama_like("llama"),
    Architecture("gpt2", "transformer.h", "mlp.c_proj", attention="registry", write_axis="row"),
    Architecture("gpt_neo", "transformer.h", "mlp.c_proj", rows="batch", window="local", tuple_output=True),
    Architecture("gptj", "transformer.h", "mlp.fc_out", tuple_output=True),
    Architecture("gpt_neox", "gpt_neox.layers", "mlp.dense_4h_to_h", attention="registry"),
    Architecture("bloom", "transformer.h", "mlp.dense_4h_to_h", rows="batch", tuple_output=True),
    Architecture("falcon", "transformer.h", "mlp.dense_4h_to_h", batch_if="alibi", tuple_output=True),
    Architecture("opt", "model.decoder.layers", "fc2", attention="registry"),
    Architecture("phi", "model.layers", "mlp.fc2", attention="registry"),
    _llama_like("phi3", window="sliding"),
    _llama_like("mistral", window="sliding"),
    _llama_like("qwen2", window="layered"),
    _llama_like("qwen3", window="layered"),
    _llama_like("gemma"),
    _llama_like("gemma2", window="layered", head="soft-cap", post_norm=True),
    _llama_like("gemma3_text", window="layered", head="soft-cap", post_norm=True),
    _llama_like("olmo2", post_norm=True),
    _llama_like("stablelm"),
    _llama_like("baichuan"),
    _llama_like("ministral", window="layered"),
    _llama_like("ministral3", window="sliding"),
    _llama_like("gemma4_text", window="layered", head="soft-cap", post_norm=True),
    _llama_like("smollm3", window="layered"),
    _llama_like("granite", head="divided"),
    _llama_like("cohere", head="multiplied"),
    _llama_like("cohere2", window="layered", head="multiplied"),
    _llama_like("olmo"),
    _llama_like("olmo3", window="layered", post_norm=True),
    _llama_like("glm"),
    _llama_like("glm4", post_norm=True, post_norm_path="post_mlp_layernorm"),
    _llama_like("exaone4", window="layered", post_norm=True),
    Architecture("starcoder2", "model.layers", "mlp.c_proj", attention="registry", window="sliding"),
    Architecture("gpt_bigcode", "transformer.h", "mlp.c_proj", attention="registry"),
    Architecture("codegen", "transformer.h", "mlp.fc_out", tuple_output=True),
    _llama_like("nemotron"),
    _llama_like("hunyuan_v1_dense"),
    _llama_like("ernie4_5"),
    _llama_like("seed_oss"),
    _llama_like("apertus"),
    _llama_like("arcee"),
    _llama_like("helium"),
    Architecture("biogpt", "biogpt.layers", "fc2", attention="registry"),
    Architecture("persimmon", "model.layers", "mlp.dense_4h_to_h", attention="registry"),
    Architecture("xglm", "model.layers", "fc2"),
    _llama_like("vaultgemma", window="layered", head="soft-cap"),
    Architecture("nanochat", "model.layers", "mlp.fc2", attention="registry", head="soft-cap"),
    Architecture("mpt", "transformer.blocks", "ffn.down_proj", rows="batch", tuple_output=True),
    _llama_like("jais2"),
    _llama_like("cwm", window="layered"),
    _llama_like("internlm3"),
    _llama_like("iquestcoder"),
    # Its attention has sinks, which `row_attention` does not compute.
    Architecture("granite_swa", "model.layers", "mlp.down_proj", window="layered", head="divided"),
    _llama_like("bitnet"),
    Architecture("gpt_neox_japanese", "gpt_neox_japanese.layers", "mlp.dense_4h_to_h", tuple_output=True),
):
    register_architecture(_line)
