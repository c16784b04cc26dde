"""Names and texts from files that look like markup are shown as they are written, in every figure.

Plotly reads tags, links and entities in all of its texts, and `%{…}` in its templates. Each text in the values of the
gallery is replaced by one that has all of these. Where a figure can't be drawn with another word in the place of a
text, that text is a word of the program and comes from no file.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from html import unescape
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.figures import gallery as drawn
from tests.figures.test_inside_axes import makers

HARMLESS = "Zq7"
HOSTILE = (
    "Zq7 <b id='evil'>b</b> <a href='https://evil'>a</a> <script>evil()</script> <img src='evil' onerror='evil()'> "
    "&#60;evil [a](https://evil) $x^2$ :red[r] :material/delete: %{x}evil"
)
# What came from a file is among what these show.
NAMED = {
    *("overlap_heatmap", "cross_heatmaps", "agreement_bars", "entry_bars", "part_heatmaps", "effect_splits"),
    *("task_heatmaps", "change_heatmaps", "share_lines", "option_bars", "answer_bars", "token_bars", "content_bars"),
    *("next_token_bars", "question_strip", "effect_bars", "score_bars", "cost_lines", "bench_figure"),
}


@pytest.fixture(scope="module")
def calls() -> dict[str, tuple[Callable, tuple, dict]]:
    """By the name of the function: itself, and the values that the gallery gives it."""
    found = {}

    def recorder(name: str, function: Callable) -> Callable:
        def record(*args, **kwargs):
            found[name] = (function, args, kwargs)

        return record

    with pytest.MonkeyPatch.context() as patch:
        for name in makers():
            patch.setattr(drawn, name, recorder(name, getattr(drawn, name)))
        drawn.gallery()
    return found


def texts(value: Any) -> set[str]:
    """All texts in a value."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, pd.DataFrame):
        return texts(value.to_dict("split"))
    if isinstance(value, Mapping):
        return set().union(*map(texts, value), *map(texts, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return set().union(*map(texts, value))
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return texts(value.tolist())
    if is_dataclass(value):
        return set().union(*(texts(getattr(value, field.name)) for field in fields(value)))
    return set()


def changed(value: Any, old: str, new: str) -> Any:
    """The value with another text in the place of one."""
    if isinstance(value, str):
        return new if value == old else value
    if isinstance(value, pd.DataFrame):
        names = {old: new}
        return value.rename(index=names, columns=names).map(lambda cell: changed(cell, old, new))
    if isinstance(value, Mapping):
        made = {changed(key, old, new): changed(one, old, new) for key, one in value.items()}
        return MappingProxyType(made) if isinstance(value, MappingProxyType) else type(value)(made)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(changed(one, old, new) for one in value))
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(changed(one, old, new) for one in value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return np.array(changed(value.tolist(), old, new), dtype=object)
    if is_dataclass(value):
        # Not by `replace`: a file may hold what a constructor would compute.
        made = object.__new__(type(value))
        for name, one in vars(value).items():
            object.__setattr__(made, name, changed(one, old, new))
        return made
    return value


def walked(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from walked(one)
    elif isinstance(value, list):
        for one in value:
            yield from walked(one)


def shown(figure: Any) -> tuple[list[str], list[str]]:
    """The texts that Plotly draws, and its templates."""
    found = json.loads(figure.to_json())
    layout, plain, templates = found["layout"], [], []
    layout.pop("meta", None)
    for name in [name for name in layout if re.fullmatch(r"[xy]axis\d*", name)]:
        if "ticktext" in layout[name]:
            # On the axis and in hover texts, they stand in the place of the categories.
            layout[name].pop("tickvals")
            layout[name].pop("categoryarray", None)
    plain += walked(layout)
    for trace in found["data"]:
        template = list(walked(trace.get("hovertemplate", [])))
        templates += [*template, *walked(trace.get("texttemplate", []))]
        for axis in "xy":
            name = trace.get(f"{axis}axis", axis).replace(axis, f"{axis}axis")
            if "ticktext" not in layout.get(name, {}):
                plain += walked(trace.get(axis, []))
        plain += [one for key in ("name", "text", "hovertext", "labels") for one in walked(trace.get(key, []))]
        if any("customdata" in one for one in templates):
            used = set(re.findall(r"customdata\[['\"]?(\w+)", " ".join(templates)))
            for row in trace.get("customdata", []):
                values = (
                    enumerate(row) if isinstance(row, list) else row.items() if isinstance(row, dict) else [(0, row)]
                )
                plain += [one for key, value in values if not used or str(key) in used for one in walked(value)]
    return plain, templates


def variants(text: str, new: str) -> tuple[str, str]:
    """Another word in the place of a text, and one before it, for ids of two parts."""
    return new, new + text


def test_the_figures_of_every_function_are_tried(calls):
    assert set(calls) == makers()


@pytest.mark.parametrize("name", sorted(makers()))
def test_texts_from_files_are_shown_as_they_are_written(calls, name):
    function, args, kwargs = calls[name]
    tried = seen = 0
    for text in sorted(texts((args, kwargs))):
        for harmless, hostile in zip(variants(text, HARMLESS), variants(text, HOSTILE), strict=True):
            try:
                function(*changed(args, text, harmless), **changed(kwargs, text, harmless))
            except Exception:
                continue
            tried += 1
            figure = function(*changed(args, text, hostile), **changed(kwargs, text, hostile))
            plain, templates = shown(figure)
            for one in (*plain, *templates):
                assert not re.search(r"<[^>]*evil|&#60;evil", one), f"{text!r} became {one!r}"
            for one in templates:
                assert "%{x}evil" not in one, f"{text!r} became {one!r}"
            seen += any(HARMLESS in one for one in (*plain, *templates))
            for one in plain:
                if "evil" in one and "…" not in one and "<br>" not in one:
                    assert HOSTILE.split(" ", 1)[1] in unescape(one), f"{text!r} became {one!r}"
            break
    assert name not in NAMED or seen, "no text from a file was seen in it"
