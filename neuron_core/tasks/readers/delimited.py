"""CSV and TSV, and text files with a file of labels. Rows count records from 1; the header is row 1."""

import csv
import re
from collections import Counter
from collections.abc import Iterator

from neuron_core.tasks.readers.header import Cells, with_header
from neuron_core.tasks.readers.source import MAX_CELL, BadRow, Note, Row, Source, long_cell, shown, text_of, too_long

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 20
_ESCAPED, _OTHER_ESCAPES = re.compile(r'\\"'), re.compile(r'\\(?![\\"])')
_MOST_LINES = 1000
"most lines of one record; a quote that stays open for longer is a mistake"
_MOST_CELLS, _MOST_QUOTED = 1_000_000, 10_000_000
"signs between cells of one record, and of one with quotes: each cell takes memory and time, also an empty one"
# A cell may hold a whole article. The default limit of the csv module is 131,072 characters.
csv.field_size_limit(MAX_CELL)


def read_csv(source: Source, note: Note) -> Iterator[Row]:
    """Reads CSV separated by commas, semicolons, tabs or bars, whichever splits the first lines most evenly."""
    lines = text_of(source).split("\n")
    number = 1
    delimiter = source.options.delimiter
    # Spreadsheet programs write a line such as `sep=;` to tell each other the separator.
    if lines and len(lines[0]) == 5 and lines[0].lower().startswith("sep="):
        delimiter, number = delimiter or lines[0][4], 2
    if delimiter is None:
        delimiter = _delimiter(lines)
    if delimiter == "\t" and _is_plain(lines[number - 1 :]):
        note("the cells are separated by tabs, and a quote sign is a character like any other")
        return with_header(_parted(lines, delimiter, number), source.options, source.where, note)
    if delimiter != ",":
        note(f"the cells are separated by {DELIMITERS.get(delimiter, repr(delimiter))}")
    return with_header(_records(lines, delimiter, number, note), source.options, source.where, note)


def read_tsv(source: Source, note: Note) -> Iterator[Row]:
    """Reads one row per line, with cells separated by tabs. Quotes are ordinary characters."""
    delimiter = source.options.delimiter or "\t"
    return with_header(_parted(text_of(source).split("\n"), delimiter, 1), source.options, source.where, note)


def _parted(lines: list[str], delimiter: str, first: int) -> Iterator[Cells]:
    for number, line in enumerate(lines[first - 1 :], start=first):
        if line.strip(" "):
            many = _too_many(line, delimiter)
            cells = [] if many else line.split(delimiter)
            yield number, many or next(filter(None, map(too_long, cells)), cells)


def _is_plain(lines: list[str]) -> bool:
    """Whether tabs alone part all lines evenly, and quotes can't stand around cells: one of them does not close."""
    sample = [line for line in lines[:_MOST_LINES] if line.strip()]
    return len({line.count("\t") for line in sample}) == 1 and any(_cells(line, "\t") is None for line in sample)


def splits_evenly(lines: list[str]) -> bool:
    """Whether a separator splits all lines into the same number of cells, two or more."""
    widths = {
        len(cells) if isinstance(cells, list) else 0
        for _, cells in _records(lines, _delimiter(lines), 1, lambda _: None)
    }
    return len(widths) == 1 and widths.pop() > 1


def _delimiter(lines: list[str]) -> str:
    """The separator that splits most of the first lines into the same number of cells, two or more; else a comma."""
    sample = [line for line in lines[: 5 * _LOOKED_AT] if line.strip()][:_LOOKED_AT]
    best, most = ",", (0, 0)
    for delimiter in DELIMITERS:
        widths = Counter(
            len(cells) for _, cells in _records(sample, delimiter, 1, lambda _: None) if isinstance(cells, list)
        )
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(1, 0))
        # It must be better than commas, because cells of a CSV file may contain bars and semicolons.
        if width > 1 and (count, width) > most and (delimiter == "," or count > most[0]):
            best, most = delimiter, (count, width)
    # Quotes that stand for themselves leave no cell whole.
    return "\t" if most == (0, 0) and len({line.count("\t") for line in sample} - {0}) == 1 else best


def _records(lines: list[str], delimiter: str, number: int, note: Note) -> Iterator[Cells]:
    """The cells of each record. A quote that does not close, or text after a closing quote, spoils only its own
    line.
    """
    place, several, escaped = number - 1, 0, 0
    while place < len(lines):
        line, end = lines[place], place + 1
        if not line:
            place, number = end, number + 1
            continue
        cells = _cells(line, delimiter)
        if cells is None or isinstance(cells, BadRow):
            # A cell may continue over several lines, up to the one that closes its quote.
            quotes = line.count('"')
            while quotes % 2 and end < len(lines) and end - place < _MOST_LINES:
                quotes += lines[end].count('"')
                end += 1
            cells = _cells("\n".join(lines[place:end]), delimiter)
            if isinstance(cells, BadRow):
                end = place + 1 if quotes % 2 else end
            elif cells is not None:
                several += 1
        if cells is None and _ESCAPED.search(line) and not _OTHER_ESCAPES.search(line):
            # Some programs write a quote inside a cell as \\" instead of "".
            cells, end = _cells(line, delimiter, escape="\\"), place + 1
            escaped += cells is not None
        if cells is None:
            yield number, BadRow("has a quote that does not close, or text after a closing quote", shown(line))
            end = place + 1
        elif isinstance(cells, BadRow) or line.strip() or len(cells) > 1:
            yield number, cells
        place, number = end, number + 1
    if several:
        note(f"{several:,} {'row has' if several == 1 else 'rows have'} line breaks inside a cell")
    if escaped:
        told = "row has quotes" if escaped == 1 else "rows have quotes"
        note(f'{escaped:,} {told} written as \\", which are read as quotes')


def _too_many(text: str, delimiter: str) -> BadRow | None:
    """The reason to reject a record with more cells than any table has. A cell in quotes may hold signs of its own."""
    if len(text) <= _MOST_CELLS or text.count(delimiter) <= (_MOST_QUOTED if '"' in text else _MOST_CELLS):
        return None
    limit = f"{_MOST_CELLS:,} cells"
    return BadRow(f"has more than {limit}", shown(text), "too many cells", f"at most {limit}")


def _cells(text: str, delimiter: str, escape: str | None = None) -> list[str] | BadRow | None:
    """The cells of one record; None where the text is none, or more than one; BadRow where a cell is too long, or there
    are too many. escape: before quotes inside a cell.
    """
    if many := _too_many(text, delimiter):
        return many
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True, escapechar=escape))
    except csv.Error as error:
        return long_cell(text) if "field limit" in str(error) else None
    if not rows:
        return []
    return rows[0] if len(rows) == 1 else None
