"""Fetches models of the Hugging Face hub into its cache, or raises an error that says what to do. No torch.

One request without retries comes first. It shows at once whether the hub can be reached, knows the id and allows the
download.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS, check_names, weight_files
from neuron_core.models.hub_cache import CODE, CONFIGS, PICKLES, SAFETENSORS, UNWANTED, cached_folder, is_whole
from neuron_core.models.hub_errors import ADAPTERS, explained
from neuron_core.models.spec import SOURCES, ModelSpec
from neuron_core.paths import user_path

Say = Callable[[str], None]
ANSWER_S = 5.0
"how long the first request may take"
MOST_NAMED = 8


def fetch_config(spec: ModelSpec) -> Path:
    """The folder with a hub model's config.json and, with `trust_remote_code`, the code that comes with the model.

    They come from the hub, or from the cache if the hub can't be reached. Raises ModelError as `fetch` does.
    """
    return _fetch(spec, ("config.json", *(CODE if spec.trust_remote_code else ())), lambda _: None)


def fetch(spec: ModelSpec, say: Say) -> Path:
    """The folder with a hub model's files. Files that are in the cache are not downloaded again.

    Python files are fetched only with `trust_remote_code`. Raises ModelError when the hub can't be reached and the
    model is not in the cache, when the hub is too slow, does not know the model or has not granted access, when the
    download is cut off, or when the cache is full or not writable. Weights that can't be read are refused before the
    download.
    """
    code = CODE if spec.trust_remote_code else ()
    folder = _fetch(spec, (*CONFIGS, *SAFETENSORS, *code), say)
    if not weight_files(folder):
        # Many repositories hold the same weights in both formats, so pickles are fetched only if nothing else is there.
        folder = _fetch(spec, (*CONFIGS, *PICKLES, *code), say)
    return folder


def fetch_adapter(name: str, say: Say) -> Path:
    """The folder with the config and the factors of a hub adapter. Raises ModelError as `fetch` does."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except ValueError:
        raise ModelError(
            "the adapter can't be loaded: there is no such folder, and it is no hub id",
            where=name,
            accepted=ADAPTERS,
        ) from None
    spec, files = ModelSpec(name), [ADAPTER_CONFIG, ADAPTER_WEIGHTS]
    say("fetching the adapter")
    try:
        return Path(
            snapshot_download(name, allow_patterns=files, etag_timeout=ANSWER_S, tqdm_class=_reporting_bar(spec, say))
        )
    except NeuronCoreError:
        raise
    except Exception as error:
        raise explained(error, spec, ANSWER_S, adapter=True) from error


def fetch_tokenizer(spec: ModelSpec, say: Say) -> Path:
    """The folder with a hub model's config and tokenizer, not its weights. Raises ModelError as `fetch` does."""
    return _fetch(spec, (*CONFIGS, *(CODE if spec.trust_remote_code else ())), say)


def _fetch(spec: ModelSpec, patterns: tuple[str, ...], say: Say) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(spec.source)
    except ValueError:
        here = user_path(spec.source).exists()
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
                tqdm_class=_reporting_bar(spec, say),
            )
        )
    except NeuronCoreError:
        # A run may be cancelled while it downloads.
        raise
    except Exception as error:
        folder = cached_folder(spec, patterns)
        if folder is not None and is_whole(folder, patterns):
            say(f"{spec.source} from the cache")
            return folder
        raise explained(error, spec, ANSWER_S) from error


def _ask_for_config(spec: ModelSpec) -> None:
    """The request that comes first. ModelError for a repository that holds GGUF files and no checkpoint."""
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
    """Names of the files at the top of the repository."""
    from huggingface_hub import HfApi

    files = HfApi().list_repo_tree(spec.source, revision=spec.revision)
    return [file.path for file in files if "/" not in file.path]


def _reporting_bar(spec: ModelSpec, say: Say) -> type:
    """A progress bar class that writes nothing, but tells `say` at most once a second how much was downloaded."""
    from huggingface_hub.utils import tqdm

    class ReportingBar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs |= {"disable": False, "mininterval": 1.0, "file": io.StringIO()}
            super().__init__(*args, **kwargs)

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                say(f"downloading {spec.source}: {self.n / 1e9:.2f} of {self.total / 1e9:.2f} GB")

    return ReportingBar
