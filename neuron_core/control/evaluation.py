"""Option probabilities of a question under many interventions, at the last token or at all tokens."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.control.interventions import Intervention
from neuron_core.errors import AttributionError, ConfigError
from neuron_core.models.hooks import Edit, edited_neurons, recorded_inputs, started_at
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import check_length
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.models.rounding import rounding_limit
from neuron_core.models.rows import run_entering
from neuron_core.models.weights import refuse_not_finite

POSITIONS_PER_PASS = 1024
"tokens per pass at position `all`, over all interventions: enough for large matrix products"


class RowChunk:
    """Some interventions of a plan as rows of one pass, after a row without intervention.

    A chunk is built once and used for all questions.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        plan: Sequence[Intervention],
        columns: NDArray[np.int64],
        means: NDArray[np.float32] | None = None,
    ) -> None:
        """columns: places in the plan, in ascending order of the first layer that is changed.

        means: mean value of every neuron over the evaluation prompts, (L, I); needed to silence neurons to their mean.
        """
        self.columns = columns
        self.n_rows = 1 + len(columns)
        touched: dict[int, list[tuple[int, int, float, float]]] = {}
        first = [_first_layer(plan[column], loaded.n_layers - 1) for column in columns]
        for row, column in enumerate(columns, start=1):
            one = plan[column]
            for layer, index in one.excited.tolist():
                touched.setdefault(layer, []).append((row, index, one.excite, 0.0))
            for layer, index in one.silenced.tolist():
                touched.setdefault(layer, []).append((row, index, 0.0, _silenced_to(one, means, layer, index)))
        self.first_layer = min(first, default=loaded.n_layers - 1)
        self.empty = np.array([len(plan[column].good) + len(plan[column].bad) == 0 for column in columns], dtype=bool)
        # The row without intervention is there from the first layer on.
        self.entering = Counter([self.first_layer, *first])
        self._touched = {layer: _factors(loaded, entries) for layer, entries in touched.items()}

    def edits(self, n_prompts: int = 1, n_positions: int = 1) -> dict[int, Edit]:
        """The edits of each layer, for `n_prompts` prompts with these rows and `n_positions` positions in each row."""

        def edit_for(row: torch.Tensor, index: torch.Tensor, factor: torch.Tensor, added: torch.Tensor | None) -> Edit:
            def edit(x: torch.Tensor) -> torch.Tensor:
                out = x.reshape(n_prompts, -1, n_positions, x.shape[-1]).clone()
                out[:, row, :, index] *= factor
                if added is not None:
                    out[:, row, :, index] += added
                return out.flatten(0, 2)

            return edit

        return {layer: edit_for(*factors) for layer, factors in self._touched.items()}


def _first_layer(intervention: Intervention, default: int) -> int:
    return min((int(layer) for layer, _ in (*intervention.good, *intervention.bad)), default=default)


def _silenced_to(one: Intervention, means: NDArray[np.float32] | None, layer: int, index: int) -> float:
    if one.silence == "zero":
        return 0.0
    if means is None:
        raise ConfigError(
            "neurons can't be silenced to their mean, because it is not known", accepted="means, or silence to zero"
        )
    return float(means[layer, index])


def _factors(
    loaded: LoadedModel, entries: list[tuple[int, int, float, float]]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Rows, indices, factors and added values of a layer's edit. The added values are None if there are none."""
    rows, indices, *values = zip(*entries, strict=True)
    row, index = torch.tensor(rows, device=loaded.device), torch.tensor(indices, device=loaded.device)
    factor, added = (torch.tensor(one, dtype=loaded.dtype, device=loaded.device)[:, None, None] for one in values)
    return row, index, factor, added if any(values[1]) else None


def plan_chunks(
    loaded: LoadedModel, plan: Sequence[Intervention], rows_per_pass: int, means: NDArray[np.float32] | None = None
) -> list[RowChunk]:
    """Splits the plan into passes. Interventions that start in late layers share passes, which then start there too.

    means: as in `RowChunk`.
    """
    order = np.argsort([_first_layer(each, loaded.n_layers - 1) for each in plan], kind="stable")
    size = max(1, rows_per_pass - 1)
    return [RowChunk(loaded, plan, order[start : start + size], means) for start in range(0, len(plan), size)]


def rows_of(loaded: LoadedModel, batch: PromptBatch, chunk: RowChunk) -> torch.Tensor:
    """Final hidden states of a chunk's rows, (Q, R, D): the unmodified row, then one row per intervention."""
    packed = loaded.architecture.rows == "packed"
    entering = chunk.entering if packed else {chunk.first_layer: chunk.n_rows}
    hidden = {layer: batch.hidden(layer)[:, None].expand(-1, n, -1) for layer, n in entering.items()}
    return run_entering(loaded, batch, hidden, chunk.edits(len(batch.states)))


@torch.no_grad()
def option_probabilities(
    loaded: LoadedModel, batch: PromptBatch, chunks: Sequence[RowChunk], question_ids: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Softmax over the four letters for each prompt, with neurons scaled at the last token only.

    Returns one array of shape (1 + interventions, 4) per prompt: row 0 is unmodified, row 1 + i is under intervention
    i. Every pass has one row without intervention per prompt. Raises AttributionError if it differs from the unmodified
    model.
    """
    rows: list[list[torch.Tensor]] = [[] for _ in batch.states]
    ids = [torch.tensor(state.prompt.letter_ids, device=loaded.device) for state in batch.states]
    for chunk in chunks:
        hidden = rows_of(loaded, batch, chunk)
        for found, letters, each in zip(rows, ids, hidden, strict=True):
            found.append(torch.softmax(letter_logits(loaded, each, letters), dim=-1))
    each = zip(batch.states, rows, question_ids, strict=True)
    return [
        _collected(loaded, torch.softmax(state.letter_logits, dim=-1), found, chunks, question_id)
        for state, found, question_id in each
    ]


@torch.no_grad()
def option_probabilities_all(
    loaded: LoadedModel,
    prompt: TokenizedPrompt,
    plan: Sequence[Intervention],
    question_id: str,
    *,
    positions_per_pass: int = POSITIONS_PER_PASS,
    means: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Like `option_probabilities`, with neurons scaled at every token, as if their write vectors were scaled.

    Returns shape (1 + interventions, 4). Each intervention runs the whole prompt from the first layer that it changes.
    """
    check_length(loaded, prompt)
    chunks = plan_chunks(loaded, plan, max(4, positions_per_pass // len(prompt.token_ids)), means)
    ids = torch.tensor([prompt.token_ids], device=loaded.device)
    letters = torch.tensor(prompt.letter_ids, device=loaded.device)

    def probabilities(ids: torch.Tensor) -> torch.Tensor:
        final = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]
        return torch.softmax(letter_logits(loaded, final, letters), dim=-1)

    with recorded_inputs(loaded, {chunk.first_layer for chunk in chunks}) as inputs:
        baseline = probabilities(ids)[0]
    rows = []
    for chunk in chunks:
        hidden = inputs[chunk.first_layer].expand(chunk.n_rows, -1, -1)
        with (
            started_at(loaded, {chunk.first_layer: hidden}),
            edited_neurons(loaded, chunk.edits(n_positions=len(prompt.token_ids))),
        ):
            rows.append(probabilities(ids.expand(chunk.n_rows, -1)))
    return _collected(loaded, baseline, rows, chunks, question_id)


def _collected(
    loaded: LoadedModel,
    baseline: torch.Tensor,
    rows: Sequence[torch.Tensor],
    chunks: Sequence[RowChunk],
    question_id: str,
) -> NDArray[np.float32]:
    """Probabilities of all passes in the order of the plan. Checks every pass's row without intervention first."""
    # One transfer at the end, so that the device does not wait between passes.
    found = torch.cat([baseline[None], *rows]).cpu()
    if not bool(torch.isfinite(found[0]).all()):
        refuse_not_finite(loaded, f"question {question_id}")
    values = np.empty((1 + sum(len(chunk.columns) for chunk in chunks), 4), dtype=np.float32)
    values[0] = found[0]
    start, off = 1, 0.0
    for chunk in chunks:
        part = found[start : start + chunk.n_rows]
        off = max(off, float(torch.nan_to_num((part[0] - found[0]).abs(), nan=torch.inf).max()))
        values[1 + chunk.columns] = part[1:]
        # Rounding depends on the place in a pass, but an intervention on no neuron must be exactly no change.
        values[1 + chunk.columns[chunk.empty]] = values[0]
        start += chunk.n_rows
    if off > rounding_limit(loaded):
        raise AttributionError(
            f"a row without intervention differs from the unmodified model by {off:.1e}",
            where=f"question {question_id}, architecture {loaded.architecture.name}",
            accepted=f"at most {rounding_limit(loaded)}",
        )
    if not np.isfinite(values).all():
        refuse_not_finite(loaded, f"question {question_id}")
    return values
