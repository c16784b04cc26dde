"""Figures that were drawn before are not put together again: visitors of an app look at the same runs. No torch."""

import functools
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable

# Only written, to tell values apart; never loaded, which could run code.
from pickle import HIGHEST_PROTOCOL, PicklingError, dumps  # noqa: TID251
from typing import ParamSpec

import plotly.graph_objects as go

MOST_BYTES, MOST_OF_ONE = 1 << 26, 1 << 23
"how much all kept figures may hold, and one of them or its values"
P = ParamSpec("P")

_kept: OrderedDict[bytes, str] = OrderedDict()
"SHA-256 of the values → the figure as JSON"
_lock = threading.Lock()
_held = 0


def kept(draw: Callable[P, go.Figure]) -> Callable[P, go.Figure]:
    """A function that draws a figure from its arguments alone; for arguments that it has drawn, it gives a copy.

    Arguments are the same when all their values are, which is told by their pickled bytes. The caller may change what
    it gets. Plotly takes tens of milliseconds to check the parts of a figure, and a copy a few.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> go.Figure:
        try:
            values = dumps((draw.__module__, draw.__name__, args, kwargs), HIGHEST_PROTOCOL)
        except (PicklingError, TypeError, AttributeError):
            # A value without bytes of its own: this figure can't be told from others.
            return draw(*args, **kwargs)
        if len(values) > MOST_OF_ONE:
            return draw(*args, **kwargs)
        key = hashlib.sha256(values).digest()
        with _lock:
            found = _kept.get(key)
            if found is not None:
                _kept.move_to_end(key)
        if found is not None:
            return go.Figure(json.loads(found), _validate=False)
        figure = draw(*args, **kwargs)
        _keep(key, figure.to_json(validate=False))
        return figure

    return drawn


def _keep(key: bytes, figure: str) -> None:
    global _held
    if len(figure) > MOST_OF_ONE:
        return
    with _lock:
        if key not in _kept:
            _kept[key] = figure
            _held += len(figure)
        while _held > MOST_BYTES:
            _held -= len(_kept.popitem(last=False)[1])
