"""Models of the Hugging Face hub: fetched into its cache, or an error that says what to do. No torch.

One request without retries comes first: whether the hub can be reached, knows the id and lets us in is known at once.
"""

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.folder import check_folder, read_config, weight_files
from neuron_core.models.spec import SOURCES, ModelSpec

Say = Callable[[str], None]
ANSWER_S = 5.0
"how long the first request may take"
CONFIGS = ("*.json", "tokenizer*", "*.model", "vocab*", "merges.txt", "*.jinja")
SAFETENSORS, PICKLES = ("model*.safetensors",), ("pytorch_model*.bin",)
CODE = ("*.py",)
CUT_OFF = ("RemoteProtocolError", "ReadError")
"names of the errors that the hub's library passes on from the one for HTTP"
UNWANTED = ("*/*", "*training_args*")
"other formats of the same weights lie in folders"


def fetch_config(spec: ModelSpec) -> Path:
    """A folder with a hub model's config.json, and the code it names where that is trusted; nothing large.

    From the hub or, where it can't be had there, from the cache. Raises ModelError as `fetch` does.
    """
    return _fetch(spec, ("config.json", *(CODE if spec.trust_remote_code else ())), lambda _: None)


def fetch(spec: ModelSpec, say: Say) -> Path:
    """The folder with a hub model's files; what is in the cache is not downloaded again.

    Python files come only with `trust_remote_code`. Raises ModelError: not reachable and not in the cache, unknown,
    gated, cut off, disk full.
    """
    code = CODE if spec.trust_remote_code else ()
    folder = _fetch(spec, (*CONFIGS, *SAFETENSORS, *code), say)
    if not weight_files(folder):
        # Only then: many repositories hold the same weights in both formats.
        folder = _fetch(spec, (*CONFIGS, *PICKLES, *code), say)
    return folder


def fetch_tokenizer(spec: ModelSpec, say: Say) -> Path:
    """The folder with a hub model's config and tokenizer, not its weights. Raises ModelError as `fetch` does."""
    return _fetch(spec, (*CONFIGS, *(CODE if spec.trust_remote_code else ())), say)


def cached_config(spec: ModelSpec) -> dict[str, Any] | None:
    """config.json of a hub model if it lies in the cache; never asks the network."""
    folder = _cached(spec, ("config.json",))
    return None if folder is None or not (folder / "config.json").is_file() else read_config(folder)


def has_cached_tokenizer(spec: ModelSpec) -> bool:
    """Whether config and tokenizer of a hub model lie in the cache; never asks the network."""
    folder = _cached(spec, CONFIGS)
    return folder is not None and (folder / "config.json").is_file() and any(folder.glob("tokenizer*"))


def cached_ids() -> list[str]:
    """Ids of the models that lie whole in the hub's cache, so that they load without a network."""
    from huggingface_hub import constants

    found = []
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*")):
        try:
            check_folder(folder)
        except ModelError:
            continue
        found.append(folder.parents[1].name.removeprefix("models--").replace("--", "/"))
    return sorted(set(found))


def _fetch(spec: ModelSpec, patterns: tuple[str, ...], say: Say) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, snapshot_download
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(spec.source)
    except ValueError:
        here = Path(spec.source).expanduser().exists()
        what = "this file is not a model" if here else "there is no such file or folder, and it is no hub id"
        raise ModelError(f"the model can't be loaded: {what}", where=spec.source, accepted=SOURCES) from None
    try:
        get_hf_file_metadata(hf_hub_url(spec.source, "config.json", revision=spec.revision), timeout=ANSWER_S)
        return Path(
            snapshot_download(
                spec.source,
                revision=spec.revision,
                allow_patterns=list(patterns),
                ignore_patterns=list(UNWANTED),
                etag_timeout=ANSWER_S,
                tqdm_class=_told(spec, say),
            )
        )
    except NeuronCoreError:
        # A run that is cancelled while it downloads.
        raise
    except Exception as error:
        folder = _cached(spec, patterns)
        if folder is not None and _whole(folder, patterns):
            say(f"{spec.source} from the cache")
            return folder
        raise _explained(error, spec) from error


def _cached(spec: ModelSpec, patterns: tuple[str, ...]) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                spec.source,
                revision=spec.revision,
                allow_patterns=list(patterns),
                ignore_patterns=list(UNWANTED),
                local_files_only=True,
            )
        )
    # Not there, or half of it.
    except (OSError, ValueError):
        return None


def _whole(folder: Path, patterns: tuple[str, ...]) -> bool:
    """Whether a cached folder has what was wanted of it: a config, or all that a load needs."""
    try:
        read_config(folder)
        if "config.json" not in patterns:
            check_folder(folder)
    except ModelError:
        return False
    return True


def _told(spec: ModelSpec, say: Say) -> type:
    """A progress bar that writes nothing and says, at most once a second, how much has come."""
    from huggingface_hub.utils import tqdm

    class Told(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs |= {"disable": False, "mininterval": 1.0, "file": io.StringIO()}
            super().__init__(*args, **kwargs)

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                say(f"downloading {spec.source}: {self.n / 1e9:.2f} of {self.total / 1e9:.2f} GB")

    return Told


def _explained(error: Exception, spec: ModelSpec) -> ModelError:
    """What went wrong between us and the hub, and what helps."""
    from huggingface_hub import errors

    ident, at = spec.source, f"{spec.source}, revision {spec.revision}" if spec.revision else spec.source
    if isinstance(error, errors.GatedRepoError):
        return ModelError(
            "the model is gated: its licence must be accepted first",
            where=ident,
            accepted=f"accept it at {_page(ident)}, make a token at {_page('settings/tokens')}, "
            "start with HF_TOKEN=<token>",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelError("the hub knows the model but not this revision", where=at, accepted="a branch, tag or commit")
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelError(
            "the hub knows no such model, or it is private",
            where=ident,
            accepted=f"{SOURCES}; for a private model a token in HF_TOKEN",
        )
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return ModelError("the repository has no config.json", where=at, accepted="a transformers checkpoint")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return ModelError(
            "the hub refuses the token", where=ident, accepted=f"a token of {_page('settings/tokens')} in HF_TOKEN"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelError("the disk is full", where=_cache(), accepted="HF_HOME on a larger disk")
    if type(error).__name__ in CUT_OFF or "Consistency check" in str(error):
        return ModelError("the download was cut off", where=at, accepted="try again: it goes on where it stopped")
    if status is not None:
        return ModelError(f"the hub answers with error {status}", where=at, accepted="try again later")
    return _unreachable(error, spec)


def _unreachable(error: Exception, spec: ModelSpec) -> ModelError:
    from huggingface_hub import constants, errors

    told_so = isinstance(error, errors.OfflineModeIsEnabled)
    why = "HF_HUB_OFFLINE is set" if told_so else f"{constants.ENDPOINT} can't be reached"
    cached = cached_ids()
    lies_here = ", ".join(cached[:8]) + (f" and {len(cached) - 8} more" if len(cached) > 8 else "")
    return ModelError(
        f"{why}, and {'this model is not' if cached_config(spec) is None else 'not all of this model is'} in the cache",
        where=spec.source,
        accepted=f"{SOURCES}; in the cache: {lies_here or 'nothing'}",
    )


def _page(path: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{path}"


def _cache() -> str:
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)
