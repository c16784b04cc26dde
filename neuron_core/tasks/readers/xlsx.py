"""XLSX: reads the sheet that is named, or the first visible one with a table. Rows are numbered as in the sheet."""

import datetime
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from neuron_core.errors import TaskError, first_of
from neuron_core.tasks.readers.header import Cells, with_header
from neuron_core.tasks.readers.source import Note, ReadOptions, Row, Source
from neuron_core.tasks.readers.xlsx_bounds import MAX_CELLS, MAX_SHEETS, WHOLE, bounded
from neuron_core.tasks.repeated import twice

MOST_EXACT = 2**53
"the largest whole number below which a workbook keeps every one"


def read_xlsx(source: Source, note: Note) -> Iterator[Row]:
    """Reads the sheet that the options name, or the first visible one with at least two columns and two rows."""
    data, unset = bounded(source)
    sheets = _sheets(data, source)
    filled = [name for name, sheet in sheets.items() if sheet.rows]
    part = source.options.part
    if part is not None and part not in filled:
        raise TaskError(f"no sheet with cells is called {part!r}", where=source.where, accepted=first_of(filled))
    visible = [name for name in filled if sheets[name].visible]
    if part is None and not visible:
        if filled:
            what = "all sheets with cells are hidden"
            raise TaskError(what, where=source.where, accepted=f"one of them by its name (--sheet): {first_of(filled)}")
        return
    chosen = part or next((name for name in visible if sheets[name].is_table), visible[0])
    if others := [f"{name!r}{'' if sheets[name].visible else ' (hidden)'}" for name in filled if name != chosen]:
        note(f"only the sheet {chosen!r} is read; also filled: {', '.join(others)} (--sheet)")
    if unset:
        note(f"{unset:,} cells hold formulas without results: open the file in a spreadsheet program and save it once")
    where, rows = f"{source.where}, sheet {chosen}", sheets[chosen].rows
    if n_rounded := sum(_is_rounded(value) for _, cells in rows for value in cells):
        told = "number has" if n_rounded == 1 else "numbers have"
        note(f"{n_rounded:,} {told} more than 15 digits, which a workbook does not keep: store such values as text")
    yield from with_header(_within_header(rows, source.options, note), source.options, where, note)


def _within_header(rows: list[tuple[int, list[Any]]], options: ReadOptions, note: Note) -> Iterator[Cells]:
    """Cuts or fills all rows to the width of the table. Rows with cells beyond it are named in a note."""
    widths = [max(place for place, value in enumerate(cells, start=1) if value != "") for _, cells in rows]
    usual = Counter(widths).most_common(1)[0][0]
    # The header may be wider than most rows, if their last cells are empty.
    head = next((width for width in widths[:10] if width > 1), usual)
    width = max(usual, head) if options.columns is None else len(options.columns)
    beyond = []
    for number, cells in rows:
        if any(value != "" for value in cells[width:]):
            beyond.append(str(number))
        yield number, [*cells[:width], *[""] * (width - len(cells))]
    if beyond:
        note(f"cells beyond the last column of the header are not read: {_counted(beyond)}")


def _counted(rows: list[str]) -> str:
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {', '.join(rows[:5])}{more}"


@dataclass(frozen=True, eq=False)
class Sheet:
    """The rows of a sheet that are not empty, with their numbers."""

    rows: list[tuple[int, list[Any]]]
    visible: bool

    @property
    def is_table(self) -> bool:
        """Whether at least two rows have at least two cells."""
        return sum(sum(value != "" for value in cells) > 1 for _, cells in self.rows) > 1


def _sheets(data: bytes, source: Source) -> dict[str, Sheet]:
    """Sheet name → its rows. The value of merged cells is repeated in all of their rows.

    TaskError for more sheets, cells or text than `bounded` can know of: several sheets may have one file.
    """
    import python_calamine as calamine

    found, n_cells, n_merged = {}, 0, 0
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        if len(book.sheets_metadata) > MAX_SHEETS:
            what = f"the workbook has {len(book.sheets_metadata):,} sheets"
            raise TaskError(what, where=source.where, accepted=f"at most {MAX_SHEETS:,}")
        # The reader would give the first of them twice.
        if (name := twice(about.name for about in book.sheets_metadata)) is not None:
            what = f"two sheets of the workbook are called {name[:60]!r}"
            raise TaskError(what, where=source.where, accepted="sheets with different names")
        for about in book.sheets_metadata:
            if about.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(about.name)
            cells = [[_plain(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
            merged = sheet.merged_cell_ranges or ()
            n_cells += sum(map(len, cells))
            n_merged += sum(max(0, min(bottom, len(cells)) - top) for (top, _), (bottom, _) in merged)
            if max(n_cells, n_merged) > MAX_CELLS:
                where = f"{source.where}, sheet {about.name[:60]!r}"
                raise TaskError("the sheets have too many cells", where=where, accepted=f"at most {MAX_CELLS:,} cells")
            for (top, left), (bottom, right) in merged:
                # Only cells merged over rows are repeated; a title over several columns is not.
                for row in cells[top + 1 : bottom + 1] if left == right and top < len(cells) else ():
                    if left < len(row) and left < len(cells[top]):
                        row[left] = cells[top][left]
            rows = [(number, row) for number, row in enumerate(cells, start=1) if any(value != "" for value in row)]
            found[about.name] = Sheet(rows, about.visible == calamine.SheetVisibleEnum.Visible)
    except (calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        raise TaskError(f"not a valid XLSX file: {error}", where=f"{source.where}, file", accepted=WHOLE) from None
    return found


def _is_rounded(value: Any) -> bool:
    """Whether it is a whole number that may stand for several: a workbook has numbers of 53 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > MOST_EXACT


def _plain(value: Any) -> Any:
    # XLSX has no whole numbers: 5 is read as 5.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return "" if isinstance(value, str) and not value.strip() else value
