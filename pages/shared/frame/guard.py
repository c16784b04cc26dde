"""The one error box."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from neuron_core.errors import NeuronCoreError

LOG = logging.getLogger(__name__)


@contextmanager
def guard() -> Iterator[None]:
    """Shows an error of the block in one box and goes on behind the block.

    Streamlit's own signals (rerun, stop) are no `Exception` and pass.
    """
    try:
        yield
    except NeuronCoreError as error:
        error_box(error.what, error.where, error.accepted)
    except Exception as error:
        # Shown without a traceback, so that the server's log is the only place that has it.
        LOG.exception("a page failed")
        error_box(f"Something failed that should not: {type(error).__name__}", None, "see the server's log")


def error_box(what: str, where: str | None = None, accepted: str | None = None, details: str = "") -> None:
    """The box: the failure, more about it, where it is, what would work."""
    lines = [f"**{plain(_begun(what))}**"]
    if details:
        lines.append(plain(_begun(details)))
    if where:
        lines.append(f"Where: {plain(where)}")
    if accepted:
        lines.append(f"What works: {plain(accepted)}")
    st.error("\n\n".join(lines), icon=":material/error:")


def _begun(text: str) -> str:
    """The text with a capital letter in front, but for an address."""
    return text if re.match(r"\w+://", text) else text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """Text with every sign of Markdown escaped: messages quote file names and dataset text.

    Addresses become links after that in the browser: a character without width keeps them text.
    """
    text = re.sub(r"(?i)(\bhttps?:|\bwww)(?=//|\.)|(?<=\w)@(?=\w)", lambda found: f"{found[0]}\u2060", text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&^=])", r"\\\1", text)
