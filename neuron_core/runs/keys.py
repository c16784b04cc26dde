"""Keys of units: 16 hex digits over everything that a unit's numbers depend on. A unit with another key is never read.
No torch.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from neuron_core.cni.methods import targets_of
from neuron_core.control.interventions import Intervention
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig
from neuron_core.runs.setting import Setting
from neuron_core.runs.stored_questions import StoredQuestions

ELSEWHERE = ("methods", "examples", "z", "k", "layers_per_pass", "keep_bytes")
"settings of an attribution that are in its key in another form, and those that change no number"


def attribution_key(setting: Setting, config: AttributionConfig) -> str:
    """The key of an attribution's results. It depends on the model, the questions, the targets, z, and every setting
    that does not have its default.
    """
    how = _how(setting, config)
    # The kept key belongs to the questions of the same file. To check it would take seconds where there are many.
    kept = setting.keys.get(how) if isinstance(setting.attribution, StoredQuestions) else None
    return kept or _key(how, setting.attribution)


def kept_keys(setting: Setting, config: AttributionConfig) -> dict[str, str]:
    """What a setting file keeps as its `keys`, so that a reader need not read all questions for the key."""
    how = _how(setting, config)
    return {how: _key(how, setting.attribution)}


def _how(setting: Setting, config: AttributionConfig) -> str:
    """All that the key of an attribution depends on beside the questions."""
    own = [entry for entry in _said(config) if entry[0] not in ELSEWHERE]
    return json.dumps([_model(setting), [targets_of(config.methods), setting.z, own]])


def evaluation_key(setting: Setting, plan: Sequence[Intervention], position: str) -> str:
    """The key of option probabilities. It depends on the model, the questions, every intervention and its position."""
    return _key(json.dumps([_model(setting), [position, *map(_said, plan)]]), setting.evaluation)


def _model(setting: Setting) -> list[Any]:
    return [setting.model.fingerprint, setting.model.dtype]


def _key(how: str, questions: Sequence[ProxyQuestion]) -> str:
    found = hashlib.sha256(how.encode())
    for question in questions:
        found.update(json.dumps([question.id, question.target, question.prompt]).encode())
    return found.hexdigest()[:16]


def _said(one: Intervention | AttributionConfig) -> list[Any]:
    """The fields that do not have their default. So a setting that is added later does not change the keys of today."""
    found: list[Any] = []
    for field in fields(one):
        value = getattr(one, field.name)
        if isinstance(value, np.ndarray):
            found.append([field.name, value.tolist()])
        elif field.default is MISSING or value != field.default:
            found.append([field.name, value])
    return found
