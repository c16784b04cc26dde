"""Option probabilities of a question under many interventions, as rows of one cached pass."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.cni.attribution import GUARD_TOLERANCE
from neuron_core.control.interventions import EXCITE, SILENCE, Intervention
from neuron_core.errors import AttributionError
from neuron_core.models.hooks import Edit
from neuron_core.models.loading import LoadedModel, letter_logits
from neuron_core.models.rows import PromptState, run_rows


class RowChunk:
    """Some interventions of a plan as rows of one pass, after one row without any; built once for all questions."""

    def __init__(self, loaded: LoadedModel, plan: Sequence[Intervention], columns: NDArray[np.int64]) -> None:
        self.columns = columns
        self.n_rows = 1 + len(columns)
        touched: dict[int, list[tuple[int, int, float]]] = {}
        for row, column in enumerate(columns, start=1):
            for neurons, factor in ((plan[column].excited, EXCITE), (plan[column].silenced, SILENCE)):
                for layer, index in neurons.tolist():
                    touched.setdefault(layer, []).append((row, index, factor))
        self.first_layer = min(touched, default=loaded.n_layers - 1)
        self.edits = {layer: _factors(loaded, entries) for layer, entries in touched.items()}


def _factors(loaded: LoadedModel, entries: list[tuple[int, int, float]]) -> Edit:
    rows, indices, values = zip(*entries, strict=True)
    where = (torch.tensor(rows, device=loaded.device), torch.tensor(indices, device=loaded.device))
    factor = torch.tensor(values, dtype=loaded.dtype, device=loaded.device)
    return lambda x: x.index_put(where, x[where] * factor)


def plan_chunks(loaded: LoadedModel, plan: Sequence[Intervention], rows_per_pass: int) -> list[RowChunk]:
    """The plan as passes. Interventions that begin in late layers go together, so that their passes begin there too."""
    first = [min((int(n[0]) for n in (*i.good, *i.bad)), default=loaded.n_layers) for i in plan]
    order = np.argsort(first, kind="stable")
    size = max(1, rows_per_pass - 1)
    return [RowChunk(loaded, plan, order[start : start + size]) for start in range(0, len(plan), size)]


@torch.no_grad()
def option_probabilities(
    loaded: LoadedModel, state: PromptState, chunks: Sequence[RowChunk], question_id: str
) -> NDArray[np.float32]:
    """Softmax over the four letters: row 0 unmodified, row 1 + i under intervention i → (1 + interventions, 4).

    Every pass carries one row without intervention; AttributionError when it is not the unmodified model.
    """
    letters = torch.tensor(state.prompt.letter_ids, device=loaded.device)
    baseline = torch.softmax(state.letter_logits, dim=-1)
    n_plan = sum(len(chunk.columns) for chunk in chunks)
    values = np.empty((1 + n_plan, 4), dtype=np.float32)
    values[0] = baseline.cpu().numpy()
    for chunk in chunks:
        hidden = run_rows(loaded, state, chunk.n_rows, chunk.edits, first_layer=chunk.first_layer)
        probabilities = torch.softmax(letter_logits(loaded, hidden, letters), dim=-1)
        off = float((probabilities[0] - baseline).abs().max())
        if not off <= GUARD_TOLERANCE[loaded.dtype]:
            raise AttributionError(
                f"a row without intervention differs from the unmodified model by {off:.1e}",
                where=f"question {question_id}, architecture {loaded.architecture.name}",
                accepted=f"at most {GUARD_TOLERANCE[loaded.dtype]}",
            )
        rows = probabilities.cpu().numpy()
        # The pass's own baseline row, so that an intervention without effect is exactly no change.
        values[0] = rows[0]
        values[1 + chunk.columns] = rows[1:]
    return values
