"""The options that say how a file of examples is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuron_core.commands.groups import OptionGroup
from neuron_core.errors import TaskError

if TYPE_CHECKING:
    from neuron_core.tasks.mapping import Guess
    from neuron_core.tasks.readers.source import ReadOptions


@dataclass(frozen=True)
class FileReading(OptionGroup):
    """How a file is read and what its columns are, as the command line says it; each field is one option."""

    kind: Annotated[str | None, typer.Option(help="The task kind; without it, the one that the columns fit.")] = None
    map: Annotated[
        str, typer.Option(help="Columns, as in text=review,label=stars, choices=A+B+C+D or text=premise+hypothesis.")
    ] = ""
    labels_given: Annotated[
        str | None,
        typer.Option("--labels", help="The only labels allowed, as pos,neg; or their names, as 0=neg,1=pos."),
    ] = None
    labels_file: Annotated[
        list[Path] | None,
        typer.Option(help="A file with a label a line for a file with a text a line, or with numbers and names."),
    ] = None
    answers: Annotated[str | None, typer.Option(help="text, letter, index0 or index1.")] = None
    fill_options: Annotated[
        bool, typer.Option("--fill-options", help="Neutral options beside two or three choices.")
    ] = False
    format: Annotated[str | None, typer.Option(help="The file format, where its ending does not say it.")] = None
    encoding: Annotated[str | None, typer.Option(help="The text's encoding, where it is not UTF-8.")] = None
    delimiter: Annotated[str | None, typer.Option(help="Between the cells of a CSV file, where it is not found.")] = (
        None
    )
    sheet: Annotated[
        str | None, typer.Option(help="A sheet of a workbook, a list of a JSON file, or a file of a ZIP archive.")
    ] = None
    no_header: Annotated[bool, typer.Option("--no-header", help="The first row is data: columns are numbered.")] = False
    header_row: Annotated[int | None, typer.Option(min=1, help="The row that holds the column names.")] = None
    columns: Annotated[
        str | None, typer.Option(help="Names of the columns of a file without a header: label,title,text.")
    ] = None
    tag_column: Annotated[
        int | None, typer.Option(min=2, help="Of a file with a token a line: the column of the tags, from 1; the last.")
    ] = None
    sample: Annotated[int | None, typer.Option(min=1, help="So many rows of a larger file, by seed.")] = None

    @property
    def mapping(self) -> "Guess | None":
        """The columns that are said; TaskError where the text is no mapping."""
        from neuron_core.tasks.mapping import parse_mapping

        return parse_mapping(self.map) if self.map else None

    @property
    def labels(self) -> tuple[str, ...] | Mapping[str, str] | None:
        """The labels allowed, or names by what the file has; from the option, else from a file of names."""
        from neuron_core.tasks.labels import names_in, parse_labels

        if self.labels_given is not None:
            return parse_labels(self.labels_given)
        for path in self.labels_file or ():
            names = names_in(_bytes(path).decode(errors="replace"))
            if names is not None:
                return names
        return None

    def options(self, seed: int) -> "ReadOptions":
        """How the file is read. TaskError: a delimiter, columns or a file of labels that can't be right."""
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
        return path.expanduser().read_bytes()
    except OSError as error:
        raise TaskError(f"the file of labels can't be read: {error.strerror}", where=str(path)) from None
