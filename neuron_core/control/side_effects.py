"""Side effects of interventions: probability that is left on the letters, and perplexity of a neutral text."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.control.evaluation import RowChunk, plan_chunks, rows_of
from neuron_core.control.interventions import Intervention
from neuron_core.errors import ModelError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.letters import encode
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.models.weights import check_ids

SIDE_ROWS, TEXTS_PER_PASS = 64, 8
"most rows and texts per pass when every row has logits over the whole vocabulary"


@torch.no_grad()
def letter_mass(loaded: LoadedModel, batch: PromptBatch, chunks: Sequence[RowChunk]) -> NDArray[np.float64]:
    """P(A) + … + P(D) within the whole vocabulary for each prompt, shape (Q, 1 + interventions).

    Column 0 is the unmodified model, column 1 + i is under intervention i.
    """
    found = np.empty((len(batch.states), 1 + sum(len(chunk.columns) for chunk in chunks)))
    for row, state in zip(found, batch.states, strict=True):
        row[0] = _mass(loaded, state.final_hidden, state.prompt.letter_ids)[0]
    for chunk in chunks:
        for row, state, hidden in zip(found, batch.states, rows_of(loaded, batch, chunk), strict=True):
            row[1 + chunk.columns] = _mass(loaded, hidden, state.prompt.letter_ids)[1:]
    return found


def _mass(loaded: LoadedModel, hidden: torch.Tensor, letter_ids: Sequence[int]) -> NDArray[np.float64]:
    """The letter mass of each row, (R,). hidden: (R, D) after the final norm."""
    logits = vocabulary_logits(loaded, hidden)
    share = torch.exp(torch.logsumexp(logits[:, list(letter_ids)], dim=-1) - torch.logsumexp(logits, dim=-1))
    return share.double().cpu().numpy()


@torch.no_grad()
def perplexities(
    loaded: LoadedModel,
    text: str,
    plan: Sequence[Intervention],
    texts_per_pass: int = TEXTS_PER_PASS,
    means: NDArray[np.float32] | None = None,
) -> NDArray[np.float64]:
    """Perplexities exp(mean −log P(token)) of a text, with neurons scaled at every token.

    Value 0 is the unmodified model, value 1 + i is under plan[i]. means: as in `RowChunk`. The text is cut where the
    model's context ends. Raises ModelError if the text has fewer than two tokens.
    """
    token_ids = encode(loaded.tokenizer, text)[: loaded.context_length]
    check_ids(loaded, token_ids, "the neutral text")
    ids = torch.tensor([token_ids], device=loaded.device)
    if ids.shape[1] < 2:
        raise ModelError("the neutral text has fewer than two tokens", accepted="a longer text")
    chunks = plan_chunks(loaded, plan, texts_per_pass, means)
    found = np.empty(1 + len(plan))
    found[0] = _perplexity(loaded, loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0], ids[0])
    for chunk in chunks:
        with edited_neurons(loaded, chunk.edits(n_positions=ids.shape[1])):
            hidden = loaded.model.base_model(input_ids=ids.expand(chunk.n_rows, -1), use_cache=False).last_hidden_state
        for row, column in enumerate(chunk.columns, start=1):
            found[1 + column] = _perplexity(loaded, hidden[row], ids[0])
    return found


def _perplexity(loaded: LoadedModel, hidden: torch.Tensor, ids: torch.Tensor) -> float:
    """The perplexity of a text. hidden: (T, D) after the final norm; ids: (T,)."""
    logits = vocabulary_logits(loaded, hidden[:-1])
    return float(torch.exp(torch.nn.functional.cross_entropy(logits.float(), ids[1:])))
