"""One neuron: which tokens its write vector promotes, and where in texts its value is high or low."""

from collections.abc import Sequence
from functools import partial
from heapq import nlargest

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.control.findings import Context, NeuronContexts, NeuronTokens, Text, TokenLogit
from neuron_core.errors import ConfigError
from neuron_core.models.hooks import edited_neurons, replaced_stream
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.letters import encode
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.placement import weights_of
from neuron_core.models.tokenizers import decode
from neuron_core.models.weights import check_ids

TOP = 20
"number of tokens at each end of the vocabulary"
TOP_CONTEXTS = 12
"number of positions with the highest and with the lowest values"
BEFORE, AFTER = 24, 12
"tokens shown before and after a position"


def check_neuron(loaded: LoadedModel, layer: int, index: int) -> None:
    """Raises ConfigError if the model does not have this neuron."""
    if not (0 <= layer < loaded.n_layers and 0 <= index < loaded.n_neurons):
        raise ConfigError(
            f"the model has no neuron {layer}.{index}",
            accepted=f"0.0 to {loaded.n_layers - 1}.{loaded.n_neurons - 1}",
        )


@torch.no_grad()
def neuron_tokens(loaded: LoadedModel, layer: int, index: int, top: int = TOP) -> NeuronTokens:
    """The `top` tokens that a neuron's write vector w promotes, and those that it suppresses.

    logits = head(norm(w / rms(w))) − head(norm(0)), with the model's own final norm and unembedding, as if the residual
    stream held w alone. The norm removes the length of w, so these numbers rank tokens but are not a part of the
    model's logits. The second term removes the biases of norm and head. In families with a norm after the down
    projection, w is multiplied by its gain first. Raises ConfigError for a neuron that the model does not have.
    """
    check_neuron(loaded, layer, index)
    vectors = _write_vectors(loaded, layer)
    vector = _behind_post_norm(loaded, layer, vectors[index].to(loaded.score_dtype))
    rms = vector.square().mean().sqrt()
    # A neuron that writes nothing promotes nothing.
    scaled = vector / rms if rms > 0 else vector
    with replaced_stream(loaded, torch.stack([scaled, torch.zeros_like(scaled)])[None].to(loaded.dtype)):
        ids = torch.zeros(1, 2, dtype=torch.long, device=loaded.device)
        final = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
    logits = vocabulary_logits(loaded, final)
    change = logits[0] - logits[1]
    top = min(top, len(change))
    lengths = vectors.to(loaded.score_dtype).norm(dim=-1)
    return NeuronTokens(
        promoted=_tokens(loaded, *torch.topk(change, top)),
        suppressed=_tokens(loaded, *torch.topk(change, top, largest=False)),
        write_norm=float(lengths[index]),
        layer_norm=float(lengths.mean()),
    )


@torch.no_grad()
def write_norms(loaded: LoadedModel) -> NDArray[np.float32]:
    """The Euclidean length of every neuron's write vector, (L, I)."""
    found = []
    for projection in loaded.down_projections:
        with weights_of(projection) as own:
            along = 0 if loaded.architecture.write_axis == "column" else 1
            found.append(own["weight"].float().norm(dim=along).cpu().numpy())
    return np.stack(found)


def _write_vectors(loaded: LoadedModel, layer: int) -> torch.Tensor:
    """The write vectors of all neurons of a layer, (I, D)."""
    projection = loaded.down_projections[layer]
    with weights_of(projection) as own:
        weight, bias = own["weight"], own.get("bias")
    if weight.is_floating_point():
        return (weight.T if loaded.architecture.write_axis == "column" else weight).to(loaded.device)
    # The columns of a quantised weight can't be read: each neuron alone is passed through the projection instead.
    each = torch.eye(loaded.n_neurons, dtype=loaded.dtype, device=loaded.device)
    written = projection(each)
    return (written if bias is None else written - bias).to(loaded.device)


def _behind_post_norm(loaded: LoadedModel, layer: int, vector: torch.Tensor) -> torch.Tensor:
    if not loaded.architecture.post_norm:
        return vector
    norm = loaded.layers[layer].get_submodule(loaded.architecture.post_norm_path)
    return norm(vector.to(loaded.dtype)).to(loaded.device, loaded.score_dtype)


def _tokens(loaded: LoadedModel, values: torch.Tensor, ids: torch.Tensor) -> tuple[TokenLogit, ...]:
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return tuple(TokenLogit(token_id, decode(loaded.tokenizer, [token_id]), value) for token_id, value in pairs)


@torch.no_grad()
def neuron_values(loaded: LoadedModel, token_ids: Sequence[int], neurons: Sequence[tuple[int, int]]) -> torch.Tensor:
    """The value of each neuron at every position of a token sequence in the unmodified model, (T, number of neurons).

    neurons: the (layer, index) of each neuron.
    """
    layers: dict[int, list[int]] = {}
    for layer, index in neurons:
        layers.setdefault(layer, []).append(index)
    found: dict[tuple[int, int], torch.Tensor] = {}

    def keep(layer: int, x: torch.Tensor) -> torch.Tensor:
        for index in layers[layer]:
            found[layer, index] = x[:, index].detach().to(loaded.score_dtype, copy=True).cpu()
        return x

    with edited_neurons(loaded, {layer: partial(keep, layer) for layer in layers}):
        loaded.model.base_model(input_ids=torch.tensor([list(token_ids)], device=loaded.device), use_cache=False)
    return torch.stack([found[one] for one in neurons], dim=1)


def read_text(loaded: LoadedModel, searches: Sequence["ContextSearch"], text: Text) -> None:
    """Reads a text once for several searches. The text is cut where the model's context ends."""
    ids = list(encode(loaded.tokenizer, text.text))[: loaded.context_length]
    check_ids(loaded, ids, f"example {text.example_id}")
    values = (
        neuron_values(loaded, ids, [search.neuron for search in searches]) if ids else torch.empty(0, len(searches))
    )
    for search, column in zip(searches, values.T.tolist(), strict=True):
        search.take(loaded, text, ids, column)


class ContextSearch:
    """Reads texts one by one and keeps the positions at which a neuron's value is highest and lowest.

    A beginning that two texts share has the same values in both and counts once. Of equal values, the earlier position
    is kept. `read_text` gives it texts.
    """

    def __init__(self, loaded: LoadedModel, layer: int, index: int, top: int = TOP_CONTEXTS) -> None:
        check_neuron(loaded, layer, index)
        self.neuron, self._top = (layer, index), top
        self._highest: list[Context] = []
        self._lowest: list[Context] = []
        self._seen: set[int] = set()
        self._n_texts = self._n_positions = self._n_positive = 0
        self._sum = 0.0

    def take(self, loaded: LoadedModel, text: Text, ids: Sequence[int], values: Sequence[float]) -> None:
        """Adds one more text. values: the neuron's value at each of the text's tokens `ids`."""
        self._n_texts += 1
        places = self._new_places(ids)
        if not places:
            return
        found = [values[place] for place in places]
        self._n_positions += len(found)
        self._n_positive += sum(value > 0 for value in found)
        self._sum += sum(found)

        def with_ends(before: list[Context], sign: int) -> list[Context]:
            best = nlargest(self._top, places, key=lambda place: sign * values[place])
            here = [_context(loaded, text, ids, place, values) for place in best]
            return nlargest(self._top, [*before, *here], key=lambda context: sign * context.value)

        self._highest, self._lowest = with_ends(self._highest, 1), with_ends(self._lowest, -1)

    def found(self) -> NeuronContexts:
        """The positions found so far. Without any position, mean and share are 0."""
        return NeuronContexts(
            highest=tuple(self._highest),
            lowest=tuple(context for context in self._lowest if context not in self._highest),
            n_texts=self._n_texts,
            n_positions=self._n_positions,
            mean=self._sum / max(1, self._n_positions),
            share_positive=self._n_positive / max(1, self._n_positions),
        )

    def _new_places(self, ids: Sequence[int]) -> list[int]:
        """The positions that no earlier text had with the same tokens up to there."""
        places, beginning = [], 0
        for place, token in enumerate(ids):
            beginning = hash((beginning, token))
            if beginning not in self._seen:
                self._seen.add(beginning)
                places.append(place)
        return places


def _context(loaded: LoadedModel, text: Text, ids: Sequence[int], place: int, values: Sequence[float]) -> Context:
    """The position `place` of a text with its neighbours. values: the neuron's value at each of `ids`."""
    tokenizer, start, end = loaded.tokenizer, max(0, place - BEFORE), place + 1 + AFTER
    return Context(
        example_id=text.example_id,
        position=place,
        before=decode(tokenizer, ids[start:place]),
        token=decode(tokenizer, [ids[place]]),
        after=decode(tokenizer, ids[place + 1 : end]),
        value=values[place],
        tokens=tuple(decode(tokenizer, [token]) for token in ids[start:end]),
        values=tuple(float(f"{value:.4g}") for value in values[start:end]),
        place=place - start,
    )
