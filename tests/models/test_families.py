"""Every family the whole way: loaded, prompt, rows, attribution, interventions, letter logits, in its row mode."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_core.cni.attribution import attribute, reference
from neuron_core.control.evaluation import option_probabilities, plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.errors import AttributionError
from neuron_core.models import masks
from neuron_core.models.architectures import architectures
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import common_prefix_length
from neuron_core.models.listing import listing
from neuron_core.models.loading import letter_logits, vocabulary_logits
from neuron_core.models.rows import run_prefix, run_prompt, run_rows
from tests.builders import FAMILIES, LAYERS, OTHER_PROMPT, WINDOW, n_hooks, tokens

ROOT = Path(__file__).resolve().parents[2]
TARGET, STEPS = 1, 3
every_family = pytest.mark.parametrize("family", FAMILIES)

BATCH = ("gpt_neo", "bloom", "falcon:alibi")
SLIDING = ("phi3", "mistral")
LAYERED = ("qwen2", "qwen3", "gemma2", "gemma3_text", "gemma3_text:capped")
# Attention weights of these are computed in float32 even in a float64 model.
SOFTMAX_IN_FLOAT32 = ("gpt_neo", "gemma2")


def state_of(loaded, prompt=OTHER_PROMPT, prefix_of=None):
    prompt = tokens(loaded, prompt)
    if prefix_of is None:
        return run_prompt(loaded, prompt)
    length = common_prefix_length([prompt.token_ids, tokens(loaded, prefix_of).token_ids])
    return run_prompt(loaded, prompt, run_prefix(loaded, prompt.token_ids[:length]))
