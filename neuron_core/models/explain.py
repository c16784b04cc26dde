"""Turns the errors of the libraries that load a model into a ModelError that says what helps."""

import re

from neuron_core.errors import ModelError
from neuron_core.models.device import free_memory, is_out_of_memory, pick_device
from neuron_core.models.memory import gigabytes, need_of, what_fits
from neuron_core.models.reasons import reason_of
from neuron_core.models.spec import SOURCES, ModelSpec

OPTIONAL = {
    "sentencepiece": "sentencepiece",
    "protobuf": "protobuf",
    "tiktoken": "tiktoken",
    "accelerate": "accelerate",
    "einops": "einops",
    "bitsandbytes": "bitsandbytes",
}
"packages that a model may need beyond the requirements: the word in the message → the name for pip"


def explained(error: Exception, spec: ModelSpec) -> ModelError:
    """The ModelError for the error that a load ended with."""
    if isinstance(error, ImportError):
        return _missing_package(error, spec)
    if is_out_of_memory(error):
        return _out_of_memory(spec)
    if "trust_remote_code" in str(error):
        return ModelError(
            "this model asks to run Python code that comes with its weights; nothing of it was run",
            where=spec.source,
            accepted="read that code, then confirm it for this model: --trust-remote-code, or the box in the sidebar",
        )
    return ModelError(f"the model can't be loaded: {reason_of(error)}", where=spec.source, accepted=SOURCES)


def _missing_package(error: ImportError, spec: ModelSpec) -> ModelError:
    said = str(error).casefold()
    known = next((pip for word, pip in OPTIONAL.items() if word in said), None)
    # Code of a model names all that it lacks: "This modeling file requires the following packages …: a, b. Run …".
    listed = re.search(r"not found in your environment: ([\w, -]+)\.", str(error))
    package = known or (listed and listed[1].replace(",", "")) or error.name
    return ModelError(
        f"the model needs the package {package}, which is not installed" if package else str(error).splitlines()[0],
        where=spec.source,
        accepted=f"python -m pip install {package}" if package else "the packages that the model's page names",
    )


def _out_of_memory(spec: ModelSpec) -> ModelError:
    device = pick_device(spec)
    need, free = need_of(spec), free_memory(device)
    wanted = f": it needs {gigabytes(need.total)}, and {gigabytes(free)} are free now" if need else ""
    return ModelError(
        f"out of memory while the model was loaded{wanted}",
        where=f"{spec.title}, {device}",
        accepted="; ".join(what_fits(spec, free)) or "a smaller model, or a device with more memory",
    )
