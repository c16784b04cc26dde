"""Turns the errors of a request to the Hugging Face hub into a ModelError that says what helps. No torch."""

import errno
import re
from collections.abc import Iterator

from neuron_core.errors import ModelError
from neuron_core.models.folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from neuron_core.models.hub_cache import cached_config, cached_ids
from neuron_core.models.spec import SOURCES, ModelSpec

ADAPTERS = f"a folder with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, a hub id, or none"
CUT_OFF = ("RemoteProtocolError", "ReadError")
"names of the errors of a download that was cut off"
SLOW = ("TimeoutException", "Timeout", "TimeoutError")
"names of the errors, and of their base classes, of an answer that does not come in time"
NETWORK = ("TransportError", "ConnectionError")
"names of the errors of a connection that fails; its error numbers may be those of a file that can't be written"
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
FULL = (errno.ENOSPC, errno.EDQUOT)


def explained(error: Exception, spec: ModelSpec, answer_s: float, *, adapter: bool = False) -> ModelError:
    """Says why a request to the hub failed, and what helps.

    answer_s: how long the request might take. adapter: whether the spec names an adapter, not a model.
    """
    from huggingface_hub import errors

    what, sources = ("adapter", ADAPTERS) if adapter else ("model", SOURCES)
    ident, at = spec.source, f"{spec.source}, revision {spec.revision}" if spec.revision else spec.source
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) and status == 403:
        return ModelError(
            f"the {what} is gated, and access is not granted yet to the account of this token",
            where=ident,
            accepted=f"ask for it at {_page(ident)}, and wait for the answer; a fine-grained token must also allow "
            "reading gated repositories",
        )
    if isinstance(error, errors.GatedRepoError):
        return ModelError(
            f"the {what} is gated: its licence must be accepted first",
            where=ident,
            accepted=f"accept it at {_page(ident)}, make a token at {_page('settings/tokens')}, "
            "start with HF_TOKEN=<token>",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelError(
            f"the hub knows the {what} but not this revision", where=at, accepted="a branch, tag or commit"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelError(
            f"the hub knows no such {what}, or it is private",
            where=ident,
            accepted=f"{sources}; for a private {what} a token in HF_TOKEN",
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
    return _unreachable(error, spec, answer_s if kinds & set(SLOW) else None, adapter)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and the errors that caused it, at most ten."""
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _unreachable(error: Exception, spec: ModelSpec, too_slow_s: float | None, adapter: bool) -> ModelError:
    """too_slow_s: how long the request might take, if it took longer."""
    from huggingface_hub import constants, errors

    why = f"{constants.ENDPOINT} can't be reached"
    if isinstance(error, errors.OfflineModeIsEnabled):
        why = "HF_HUB_OFFLINE is set"
    elif too_slow_s is not None:
        why = f"{constants.ENDPOINT} is too slow: no answer within {too_slow_s:g} s"
    if adapter:
        return ModelError(f"{why}, and not all of this adapter is in the cache", where=spec.source, accepted=ADAPTERS)
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
