"""Finds the header of a table of cells, names the columns, and notes if the header looks like data."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import MAX_COLUMNS, BadRow, Note, ReadOptions, Row, shown

Cells = tuple[int, list[Any] | BadRow]
"a row's number and its cells"
_LOOKED_AT, _ABOVE = 50, 10
_RULE = re.compile(r":?[-=_]{2,}:?")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


def header_names(cells: Sequence[Any], where: str, note: Note) -> list[str]:
    """Column names without outer white space; a nameless column is called by its place, a name's second by a number.

    TaskError for more columns than any table of examples has.
    """
    if len(cells) > MAX_COLUMNS:
        raise TaskError(
            f"the header has {len(cells):,} cells", where=where, accepted=f"at most {MAX_COLUMNS:,} columns"
        )
    names: dict[str, None] = {}
    for place, cell in enumerate(cells, start=1):
        plain = str(cell).strip() or f"column {place}"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain} ({number})", number + 1
        if name != plain:
            note(f"the header names {plain!r} twice; column {place} is called {name!r}")
        names[name] = None
    return list(names)


def with_header(rows: Iterator[Cells], options: ReadOptions, where: str, note: Note) -> Iterator[Row]:
    """The rows below the header as values by column. A row with another number of cells is a BadRow.

    Rows above the header, such as a title or a comment, are named in a note. Empty cells beyond the last column are
    ignored.
    """
    first = list(islice(rows, _LOOKED_AT))
    names, skipped = _header(first, options, where, note)
    if names is None:
        yield from ((number, cells) for number, cells in first if isinstance(cells, BadRow))
        return
    for number, cells in chain(first[skipped:], rows):
        if isinstance(cells, BadRow):
            yield number, cells
            continue
        cut = len(cells)
        while cut > len(names) and str(cells[cut - 1]).strip() == "":
            cut -= 1
        if cut != len(names):
            what = f"the row has {cut} {'cell' if cut == 1 else 'cells'}, the header {len(names)}"
            accepted = f"{len(names)} cells; one that holds the sign between cells stands in quotes"
            yield number, BadRow(what, shown(" | ".join(map(str, cells[:cut]))), "other number of cells", accepted)
        elif _is_rule([str(cell).strip() for cell in cells[:cut]]):
            yield number, BadRow("is a ruled line", shown(" | ".join(map(str, cells[:cut]))), "ruled line")
        elif [str(cell).strip() for cell in cells[:cut]] == names and options.columns is None:
            yield number, BadRow("repeats the header", shown(" | ".join(names)), "header again")
        else:
            yield number, dict(zip(names, cells, strict=False))


def _is_rule(cells: list[str]) -> bool:
    """Whether the cells draw a line, as below the header of a Markdown table."""
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and all(map(_RULE.fullmatch, filled))


def _header(first: list[Cells], options: ReadOptions, where: str, note: Note) -> tuple[list[str] | None, int]:
    """The column names, and the number of rows up to and including the header."""
    rows = [(place, number, cells) for place, (number, cells) in enumerate(first) if isinstance(cells, list)]
    if not rows:
        return None, 0
    usual = Counter(_width(cells) for _, _, cells in rows).most_common(1)[0][0]
    if options.columns is not None:
        if len(options.columns) != usual:
            raise TaskError(
                f"{len(options.columns)} column names for rows of {usual} cells",
                where=where,
                accepted=f"{usual} names, in the order of the file",
            )
        return list(options.columns), 0
    if options.header is False:
        return [f"column {place}" for place in range(1, usual + 1)], 0
    if options.header is not None and options.header is not True:
        place = next((place for place, number, _ in rows if number == int(options.header)), None)
        if place is None:
            raise TaskError(
                f"row {options.header} is no header", where=where, accepted="the number of a row near the top"
            )
    else:
        place = _place(rows, usual)
        if above := [str(number) for at, number, _ in rows if at < place]:
            note(f"above the header, and not read: {'row' if len(above) == 1 else 'rows'} {', '.join(above)}")
    number, cells = first[place]
    assert isinstance(cells, list)
    # A column without a name counts where rows have cells below it.
    widest = max(_width(other) for at, _, other in rows if at >= place)
    names = header_names(cells[: max(_width(cells), widest)], f"{where}, row {number}", note)
    below = [other for at, _, other in rows if at > place and other != cells]
    if options.header is None and looks_like_data(cells, below):
        note(f"row {number} is taken as the header but looks like data: --no-header, or --columns with the names")
    return names, place + 1


def _place(rows: list[tuple[int, int, list[Any]]], usual: int) -> int:
    """The place of the header: the first row as wide as most, if only comments and single cells are above it."""
    for place, _, cells in rows[:_ABOVE]:
        comment = str(next(iter(cells), "")).lstrip().startswith("#") and usual != _width(cells)
        if not (comment or (_width(cells) <= 1 < usual)):
            return place
    return rows[0][0]


def _width(cells: Sequence[Any]) -> int:
    """Number of cells up to the last one that is not empty."""
    return next((place for place in range(len(cells), 0, -1) if str(cells[place - 1]).strip()), 0)


def looks_like_data(cells: Sequence[Any], others: Sequence[Sequence[Any]]) -> bool:
    """Whether a row looks like data rather than names: it has a number, a sentence, or values that recur below it."""
    texts = [str(cell).strip() for cell in cells]
    again = any(
        text and sum(len(other) > place and str(other[place]).strip() == text for other in others)
        for place, text in enumerate(texts)
    )
    sentence = any(len(text) > 40 or re.search(r"\w[.?!]$", text) for text in texts)
    return any(map(_NUMBER.fullmatch, texts)) or sentence or (again and len(texts) > 1)
