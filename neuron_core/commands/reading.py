"""The options that say how a file of examples is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuron_core.commands.groups import OptionGroup
from neuron_core.errors import TaskError
from neuron_core.paths import read_regular

if TYPE_CHECKING:
    from neuron_core.tasks.mapping import Guess
    from neuron_core.tasks.readers.source import ReadOptions


@dataclass(frozen=True)
class FileReading(OptionGroup):
    """How a file is read and which columns it has. Each field is one option."""

    kind: Annotated[str | None, typer.Option(help="The task kind; by default the one that fits the columns.")] = None
    map: Annotated[
        str,
        typer.Option(
            help="Which columns are which: text=review,label=stars, choices=A+B+C+D or text=premise+hypothesis."
        ),
    ] = ""
    labels_given: Annotated[
        str | None,
        typer.Option(
            "--labels", help="The only labels allowed, for instance pos,neg; or their names, for instance 0=neg,1=pos."
        ),
    ] = None
    labels_file: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file with a label in each line, for a file with a text in each line; or numbers and names."
        ),
    ] = None
    answers: Annotated[
        str | None, typer.Option(help="How the file gives the correct answer: text, letter, index0 or index1.")
    ] = None
    fill_options: Annotated[
        bool, typer.Option("--fill-options", help="Add neutral options to two or three choices.")
    ] = False
    format: Annotated[str | None, typer.Option(help="The file format, if the file name does not tell it.")] = None
    encoding: Annotated[str | None, typer.Option(help="The encoding of the text, if it is not UTF-8.")] = None
    delimiter: Annotated[
        str | None, typer.Option(help="The character between the cells of a CSV file, if it is not found.")
    ] = None
    sheet: Annotated[
        str | None, typer.Option(help="A sheet of a workbook, a list of a JSON file, or a file of a ZIP archive.")
    ] = None
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first row is data; columns are called by their numbers.")
    ] = False
    header_row: Annotated[int | None, typer.Option(min=1, help="The row that holds the column names.")] = None
    columns: Annotated[
        str | None, typer.Option(help="Names for the columns of a file without a header: label,title,text.")
    ] = None
    tag_column: Annotated[
        int | None,
        typer.Option(
            min=2, help="For a file with one token in each line: the column of the tags, from 1; by default the last."
        ),
    ] = None
    sample: Annotated[
        int | None, typer.Option(min=1, help="Use only this many rows of a larger file, drawn by the seed.")
    ] = None

    @property
    def mapping(self) -> "Guess | None":
        """The columns that the option names. None without it. TaskError for a text that is not a mapping."""
        from neuron_core.tasks.mapping import parse_mapping

        return parse_mapping(self.map) if self.map else None

    @property
    def labels(self) -> tuple[str, ...] | Mapping[str, str] | None:
        """The labels that are allowed, or the name of each label of the file. From the option, else from a file of
        names.
        """
        from neuron_core.tasks.labels import names_in, parse_labels

        if self.labels_given is not None:
            return parse_labels(self.labels_given)
        for path in self.labels_file or ():
            names = names_in(_bytes(path).decode(errors="replace"))
            if names is not None:
                return names
        return None

    def options(self, seed: int) -> "ReadOptions":
        """How the file is read. TaskError for a delimiter, columns or a file of labels that can't be right."""
        from neuron_core.tasks.readers.source import ReadOptions

        labels = self.labels
        return ReadOptions(
            format=self.format,
            encoding=self.encoding,
            delimiter={"tab": "\t", "\\t": "\t"}.get(self.delimiter or "", self.delimiter),
            header=False if self.no_header else self.header_row,
            columns=tuple(name.strip() for name in self.columns.split(",")) if self.columns else None,
            part=self.sheet,
            tag_column=self.tag_column,
            tag_names=labels if isinstance(labels, Mapping) else {},
            labels=tuple(map(_bytes, self.labels_file or ())),
            sample=self.sample,
            seed=seed,
        )


def _bytes(path: Path) -> bytes:
    try:
        return read_regular(path.expanduser())
    except OSError as error:
        raise TaskError(f"the file of labels can't be read: {error.strerror}", where=str(path)) from None
