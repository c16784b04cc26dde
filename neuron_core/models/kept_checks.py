"""The checks of a model at its load. For the embedded model their result is kept beside its weights in the cache."""

import json
from contextlib import suppress
from pathlib import Path

import torch
import transformers

from neuron_core.models.kept_files import CHECKED
from neuron_core.models.letter_head import check_head
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.residual import adds_neurons
from neuron_core.paths import code_digest, replace_file


def check_model(loaded: LoadedModel, folder: Path | None = None) -> None:
    """Checks the letter head, and sets `adds_neurons`. Both take passes through the model.

    folder: where the result is kept, and found again by later loads of the same weights in the same dtype on the same
    kind of device, with the same libraries and the same code of this package. ModelError as of `check_head` and
    `residual.adds_neurons`, after which nothing is kept.
    """
    key = _key(loaded)
    if folder is not None:
        # A file that is absent or damaged says nothing, and the model is checked.
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads((folder / CHECKED).read_text(encoding="utf-8"))
            if said["key"] == key and isinstance(said["adds_neurons"], bool):
                loaded.adds_neurons = said["adds_neurons"]
                return
    check_head(loaded)
    loaded.adds_neurons = adds_neurons(loaded)
    if folder is not None:
        # Where the cache can't be written, the next load checks again.
        with suppress(OSError):
            said = {"key": key, "adds_neurons": loaded.adds_neurons}
            replace_file(folder / CHECKED, json.dumps(said).encode())


def _key(loaded: LoadedModel) -> list[str]:
    """Everything that the checks depend on."""
    versions = [torch.__version__, transformers.__version__, code_digest("models")]
    return [loaded.fingerprint, str(loaded.dtype), loaded.device.type, *versions]
