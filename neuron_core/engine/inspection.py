"""What is reported of a loaded model without a run: its facts, and how it reads and answers one prompt."""

import math
from datetime import date

import torch

from neuron_core.models.chat import chat_template_of
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.tokenizers import decode
from neuron_core.models.weights import refuse_not_finite
from neuron_core.runs.setting import ModelFacts, PromptReport


def facts_of(loaded: LoadedModel, day: date | None = None) -> ModelFacts:
    """What captions and checks need to know about the model.

    day: the date that the model's chat template writes into a prompt; today if not given.
    """
    return ModelFacts(
        title=loaded.spec.title,
        fingerprint=loaded.fingerprint,
        architecture=loaded.architecture.name,
        dtype=loaded.dtype_name,
        device=str(loaded.device),
        n_layers=loaded.n_layers,
        n_neurons=loaded.n_neurons,
        post_norm=loaded.architecture.post_norm,
        chat=chat_template_of(loaded.tokenizer, day),
        notes=loaded.notes,
    )


@torch.no_grad()
def report_on(loaded: LoadedModel, prompt: str) -> PromptReport:
    """Token ids, letter tokens and option probabilities of one prompt under the unmodified model.

    ModelError where the model gives probabilities that are not finite.
    """
    tokenized = tokenize_prompt(loaded.tokenizer, prompt)
    state = run_prompt(loaded, tokenized)
    vocabulary = torch.softmax(vocabulary_logits(loaded, state.final_hidden), dim=-1)[0]
    a, b, c, d = torch.softmax(state.letter_logits, dim=-1).tolist()
    if not math.isfinite(a):
        refuse_not_finite(loaded, "the prompt")
    tokens = [decode(loaded.tokenizer, [i]) for i in tokenized.token_ids]
    letter_a, letter_b, letter_c, letter_d = (decode(loaded.tokenizer, [i]) for i in tokenized.letter_ids)
    return PromptReport(
        token_ids=tokenized.token_ids,
        tokens=tuple(tokens),
        letter_ids=tokenized.letter_ids,
        letter_tokens=(letter_a, letter_b, letter_c, letter_d),
        probabilities=(a, b, c, d),
        mass=float(vocabulary[list(tokenized.letter_ids)].sum()),
    )
