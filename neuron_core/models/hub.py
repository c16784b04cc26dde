"""Models of the Hugging Face hub: fetched into its cache, or an error that says what to do. No torch.

One request without retries comes first: whether the hub can be reached, knows the id and lets us in is known at once.
"""

import errno
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.folder import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    check_folder,
    check_names,
    read_config,
    weight_files,
)
from neuron_core.models.spec import SOURCES, ModelSpec

Say = Callable[[str], None]
ANSWER_S = 5.0
"how long the first request may take"
CONFIGS = ("*.json", "tokenizer*", "*.model", "vocab*", "merges.txt", "*.jinja")
DIGITS = "[0-9]" * 5
SAFETENSORS = ("model.safetensors", f"model-{DIGITS}-of-{DIGITS}.safetensors")
PICKLES = ("pytorch_model.bin", f"pytorch_model-{DIGITS}-of-{DIGITS}.bin")
CODE = ("*.py",)
CUT_OFF = ("RemoteProtocolError", "ReadError")
"names of the errors that the hub's library passes on from the one for HTTP"
SLOW = ("TimeoutException", "Timeout", "TimeoutError")
"names of the errors, and of their classes, for an answer that does not come in time"
NETWORK = ("TransportError", "ConnectionError")
"of those for a connection that fails, which a system may refuse with the same numbers as a file"
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_NAMED = 8
UNWANTED = ("*/*", "*training_args*")
"other formats of the same weights lie in folders"


def fetch_config(spec: ModelSpec) -> Path:
    """A folder with a hub model's config.json, and the code it names where that is trusted; nothing large.

    From the hub or, where it can't be had there, from the cache. Raises ModelError as `fetch` does.
    """
    return _fetch(spec, ("config.json", *(CODE if spec.trust_remote_code else ())), lambda _: None)


def fetch(spec: ModelSpec, say: Say) -> Path:
    """The folder with a hub model's files; what is in the cache is not downloaded again.

    Python files come only with `trust_remote_code`. Raises ModelError: not reachable and not in the cache, too slow,
    unknown, gated, no weights that can be read (before anything is downloaded), cut off, cache full or not writable.
    """
    code = CODE if spec.trust_remote_code else ()
    folder = _fetch(spec, (*CONFIGS, *SAFETENSORS, *code), say)
    if not weight_files(folder):
        # Only then: many repositories hold the same weights in both formats.
        folder = _fetch(spec, (*CONFIGS, *PICKLES, *code), say)
    return folder


def fetch_adapter(name: str, say: Say) -> Path:
    """The folder with a hub adapter's config and factors, nothing else. Raises ModelError as `fetch` does."""
    from huggingface_hub import snapshot_download

    spec, files = ModelSpec(name), [ADAPTER_CONFIG, ADAPTER_WEIGHTS]
    say("fetching the adapter")
    try:
        return Path(snapshot_download(name, allow_patterns=files, etag_timeout=ANSWER_S, tqdm_class=_told(spec, say)))
    except NeuronCoreError:
        raise
    except Exception as error:
        raise _explained(error, spec) from error


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
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(spec.source)
    except ValueError:
        here = Path(spec.source).expanduser().exists()
        what = "this file is not a model" if here else "there is no such file or folder, and it is no hub id"
        raise ModelError(f"the model can't be loaded: {what}", where=spec.source, accepted=SOURCES) from None
    try:
        _ask_for_config(spec)
        if set(patterns) & {*SAFETENSORS, *PICKLES}:
            check_names(_names(spec), spec.source, "repository")
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


def _ask_for_config(spec: ModelSpec) -> None:
    """The one request that comes first. ModelError for a repository of GGUF files alone."""
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(spec.source, "config.json", revision=spec.revision), timeout=ANSWER_S)
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise
        gguf = [name for name in _names(spec) if name.casefold().endswith(".gguf")]
        if not gguf:
            raise
        named = ", ".join(gguf[:MOST_NAMED]) + (f" and {len(gguf) - MOST_NAMED} more" if len(gguf) > MOST_NAMED else "")
        raise ModelError(
            f"the repository holds GGUF files and no checkpoint: {named}",
            where=spec.source,
            accepted=f"one of them downloaded (hf download {spec.source} {gguf[0]}) and given by its path",
        ) from None


def _names(spec: ModelSpec) -> list[str]:
    """Files at the top of the repository."""
    from huggingface_hub import HfApi

    files = HfApi().list_repo_tree(spec.source, revision=spec.revision)
    return [file.path for file in files if "/" not in file.path]


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
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) and status == 403:
        return ModelError(
            "the model is gated, and access is not granted yet to the account of this token",
            where=ident,
            accepted=f"ask for it at {_page(ident)}, and wait for the answer; a fine-grained token must also allow "
            "reading gated repositories",
        )
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
        return ModelError(
            "the repository has no config.json",
            where=at,
            accepted="a transformers checkpoint; for an adapter, its base model with --adapter",
        )
    if status in (401, 403):
        return ModelError(
            "the hub refuses the token", where=ident, accepted=f"a token of {_page('settings/tokens')} in HF_TOKEN"
        )
    causes = list(_causes(error))
    said = " ".join(str(cause) for cause in causes)
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError)]
    numbers += [int(number) for number in re.findall(r"\(os error (\d+)\)", said)]
    if set(numbers) & set(FULL):
        return ModelError("the disk is full", where=_cache(), accepted="HF_HOME on a larger disk")
    kinds = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if set(numbers) & set(NOT_WRITABLE) and not kinds & set(NETWORK):
        return ModelError(
            "the hub's cache can't be written", where=_cache(), accepted="HF_HOME in a folder that can be written"
        )
    if type(error).__name__ in CUT_OFF or "Consistency check" in str(error):
        return ModelError("the download was cut off", where=at, accepted="try again: it goes on where it stopped")
    if status is not None:
        return ModelError(f"the hub answers with error {status}", where=at, accepted="try again later")
    return _unreachable(error, spec, slow=bool(kinds & set(SLOW)))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that led to it."""
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _unreachable(error: Exception, spec: ModelSpec, slow: bool) -> ModelError:
    from huggingface_hub import constants, errors

    told_so = isinstance(error, errors.OfflineModeIsEnabled)
    why = f"{constants.ENDPOINT} can't be reached"
    if told_so:
        why = "HF_HUB_OFFLINE is set"
    elif slow:
        why = f"{constants.ENDPOINT} is too slow: no answer within {ANSWER_S:g} s"
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
