"""How a file is read, where that is not left to the file itself: format, encoding, header, part, labels, sample."""

import csv
import re
from pathlib import PurePath

import streamlit as st

from neuron_core.errors import TaskError
from neuron_core.tasks.labels import names_in, parse_labels
from neuron_core.tasks.readers import FORMATS, SUFFIXES
from neuron_core.tasks.readers.source import ENCODINGS, ReadOptions
from neuron_core.tasks.table import MAX_ROWS
from pages.shared.frame.guard import error_box

BY_ITSELF = "automatic"
DELIMITERS = {BY_ITSELF: None, "comma": ",", "semicolon": ";", "tab": "\t", "bar |": "|"}
NO_HEADER, IN_ROW, NAMED = "no header: number columns", "in another row", "no header: name columns"
HEADED, CELLS, TAGGED = ("csv", "tsv", "xlsx"), ("csv", "tsv"), ("tagged", "few-nerd")
NO_TEXT = ("parquet", "xlsx")
NARROW, WIDE = 180, 300
# The core speaks of the command line's options; a visitor finds the same under these names.
_ON_PAGE = (
    (r"--kind (\S+) --map (\"[^\"]*\"|\S+)", r"the kind \1 with the columns \2"),
    (r"\w+='\w+' or '\w+' \(--answers\)", "“The answer is”, below"),
    (r"encoding= \(--encoding\)", "“Encoding”"),
    (r"--no-header, or --columns with the names", "if it is, choose “no header” under “Header”"),
    (r"--answers", "“The answer is”"),
    (r"--sheet", "“Part of the file”"),
    (r"--sample", "“Sample”"),
    (r"--encoding", "“Encoding”"),
    (r"--tag-column", "“Column of tags”"),
    (r"--labels-file", "“Files of labels”"),
    (r"--labels", "“Label names”"),
    (r"--fill-options", "“Fill up with neutral options”"),
)


def on_page(text: str) -> str:
    """A message of the core, with the names of this page's boxes for options of the command line."""
    for pattern, name in _ON_PAGE:
        text = re.sub(pattern, name, text)
    return text


def how_read(stamp: str, name: str, parts: tuple[str, ...], *, opened: bool = False) -> ReadOptions:
    """The boxes, and what they say. Those that mean nothing for the file's format are left out.

    stamp: tells one file from another: what was chosen for one means nothing for the next. TaskError: a delimiter or
    column names that can't be right.
    """
    # An expander that was shown closed stays closed in the browser, whatever it is told later.
    closed = st.expander("How the file is read", key="data_how", icon=":material/tune:") if not opened else None
    with closed or st.container(border=True, key="data_how_open"):
        with st.container(horizontal=True):
            chosen = st.selectbox(
                "Format",
                [BY_ITSELF, *FORMATS],
                key=f"data_format {stamp}",
                help="Published formats too: CoNLL, Few-NERD, CoNLL-2000, the trees of SST, CommonsenseQA.",
                width=NARROW,
            )
            format = None if chosen == BY_ITSELF else chosen
            known = format or _by_ending(name)
            encoding = None if known in NO_TEXT else _encoding(stamp)
            delimiter = _delimiter(stamp) if known is None or known in CELLS else None
            part = _part(stamp, parts) if len(parts) > 1 else None
            header, columns = _header(stamp) if known is None or known in HEADED else (None, "")
            tag_column = _number("Column of tags", "the last", stamp) if known is None or known in TAGGED else None
            sample = _number("Sample", "all rows", stamp, f"Rows drawn by seed 0. A file may have {MAX_ROWS:,} rows.")
        files = st.file_uploader(
            "Files of labels",
            key=f"data_label_files {stamp}",
            accept_multiple_files=True,
            help="For a file with one text a line: the file with one label a line. For labels that are numbers: the "
            "file with a number, a tab and a name on each line.",
            max_upload_size=200,
        )
    labels = tuple(file.getvalue() for file in files or ())
    return ReadOptions(
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        columns=_cells(columns) if columns.strip() else None,
        part=part,
        tag_column=tag_column,
        tag_names=names_of(stamp, labels),
        labels=labels,
        sample=sample,
    )


def label_names(stamp: str) -> None:
    """The box for names of labels; `names_of` gives what it says, before the file is read too."""
    st.text_input(
        "Label names",
        key=f"data_names {stamp}",
        placeholder="0=negative,1=positive",
        help="A name for each label of the file, as in `0=negative,1=positive`.",
        width=WIDE,
    )
    try:
        _said_names(stamp)
    except TaskError as error:
        error_box(error.what, "Label names", "a name for each label: 0=negative,1=positive")


def names_of(stamp: str, files: tuple[bytes, ...] = ()) -> dict[str, str]:
    """Names of labels by what the file has: those typed, else those of a file of labels; none where they are wrong."""
    try:
        if said := _said_names(stamp):
            return said
    # Said beside the box.
    except TaskError:
        return {}
    return next((names for one in files if (names := names_in(one.decode(errors="replace")))), {})


def _said_names(stamp: str) -> dict[str, str]:
    said = st.session_state.get(f"data_names {stamp}", "").strip()
    if not said:
        return {}
    names = parse_labels(said)
    if not isinstance(names, dict):
        raise TaskError(f"not names of labels: {said[:80]!r}")
    return names


def _by_ending(name: str) -> str | None:
    path = PurePath(name)
    return SUFFIXES.get((path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower())


def _encoding(stamp: str) -> str | None:
    said = st.selectbox(
        "Encoding",
        ["UTF-8", *ENCODINGS[1:]],
        key=f"data_encoding {stamp}",
        accept_new_options=True,
        help="Another that Python knows can be typed.",
        width=NARROW,
    )
    return None if said in (None, "UTF-8") else said


def _delimiter(stamp: str) -> str | None:
    said = st.selectbox(
        "Delimiter",
        list(DELIMITERS),
        key=f"data_delimiter {stamp}",
        accept_new_options=True,
        help="Between the cells of a row. Another character can be typed.",
        width=NARROW,
    )
    return DELIMITERS.get(said, said)


def _part(stamp: str, parts: tuple[str, ...]) -> str | None:
    return st.selectbox(
        "Part of the file",
        [None, *parts],
        key=f"data_part {stamp}",
        format_func=lambda part: BY_ITSELF if part is None else part,
        help="A sheet of a workbook, a list of a JSON file, a file of a ZIP archive.",
        width=NARROW,
    )


def _header(stamp: str) -> tuple[bool | int | None, str]:
    """Where the header is, and names for the columns of a file without one."""
    said = st.selectbox("Header", [BY_ITSELF, NO_HEADER, IN_ROW, NAMED], key=f"data_header {stamp}", width=WIDE)
    if said == IN_ROW:
        row = st.number_input("Row of the header", 1, key=f"data_header_row {stamp}", width=NARROW)
        return int(row), ""
    if said == NAMED:
        names = st.text_input(
            "Column names",
            key=f"data_column_names {stamp}",
            placeholder="label,title,text",
            help="In the order of the file, with commas between them. A name with a comma stands in quotes.",
            width=WIDE,
        )
        return False, names
    return (False if said == NO_HEADER else None), ""


def _number(label: str, empty: str, stamp: str, help: str | None = None) -> int | None:
    found = st.number_input(
        label, 1, value=None, step=1, key=f"data_{label} {stamp}", placeholder=empty, help=help, width=NARROW
    )
    return None if found is None else int(found)


def _cells(names: str) -> tuple[str, ...]:
    (cells,) = csv.reader([names], skipinitialspace=True)
    return tuple(cell.strip() for cell in cells)
