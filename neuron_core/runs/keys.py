"""Keys of units: what a unit's numbers depend on, as 16 hex digits. A unit of another key is never read. No torch."""

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

ELSEWHERE = ("methods", "examples", "z", "k", "layers_per_pass", "keep_bytes")
"settings of an attribution that its key has in another form, and those that change no number"


def attribution_key(setting: Setting, config: AttributionConfig) -> str:
    """Of what an attribution leaves: the model, the questions, the targets, z, and every setting that is not usual."""
    own = [entry for entry in _said(config) if entry[0] not in ELSEWHERE]
    return _key(_model(setting), [targets_of(config.methods), setting.z, own], setting.attribution)


def evaluation_key(setting: Setting, plan: Sequence[Intervention], position: str) -> str:
    """Of option probabilities: the model, the questions, every intervention and where it acts."""
    return _key(_model(setting), [position, *map(_said, plan)], setting.evaluation)


def _model(setting: Setting) -> list[Any]:
    return [setting.model.fingerprint, setting.model.dtype]


def _key(model: list[Any], how: list[Any], questions: Sequence[ProxyQuestion]) -> str:
    found = hashlib.sha256(json.dumps([model, how]).encode())
    for question in questions:
        found.update(json.dumps([question.id, question.target, question.prompt]).encode())
    return found.hexdigest()[:16]


def _said(one: Intervention | AttributionConfig) -> list[Any]:
    """Every field; one that has its default says nothing, so that settings to come keep the keys of today."""
    found: list[Any] = []
    for field in fields(one):
        value = getattr(one, field.name)
        if isinstance(value, np.ndarray):
            found.append([field.name, value.tolist()])
        elif field.default is MISSING or value != field.default:
            found.append([field.name, value])
    return found
