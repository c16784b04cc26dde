"""The keys of a GGUF file's family, with a record of which were read. No torch."""

from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.gguf_header import GgufHeader


class Keys:
    """The keys of a file's family, `general.architecture`, with a record of which were read."""

    def __init__(self, header: GgufHeader) -> None:
        self.header, self.used = header, set[str]()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of `family.name`. A list with an equal number for each layer counts as that number."""
        full = f"{self.header.family}.{name}"
        if full not in self.header.keys:
            return default
        self.used.add(full)
        value = self.header.keys[full]
        if isinstance(value, list) and len(set(value)) == 1:
            return value[0]
        return value

    def number(self, name: str, default: Any = None) -> Any:
        """The number `family.name`. ModelError when it is absent without a default, or not a number."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            said = "lacks the key" if value is None else f"has the value {value!r} for the key"
            raise self.error(f"the file {said} {self.header.family}.{name}", "a number")
        return value

    def has(self, tensor: str) -> bool:
        """Whether the first layer has this tensor."""
        return f"blk.0.{tensor}" in self.header.tensors

    def error(self, what: str, accepted: str) -> ModelError:
        return ModelError(f"the model can't be loaded: {what}", where=str(self.header.path), accepted=accepted)
