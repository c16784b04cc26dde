"""A file that was brought: read as the boxes say, and every row checked; the session keeps both."""

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.reading import TaskReading
from neuron_core.tasks.table import Table
from neuron_core.tasks.validation import validate
from pages.shared.inputs.columns import Columns
from pages.shared.inputs.file_reading import how_read
from pages.shared.inputs.sources import Origin, remembered


def options_of(origin: Origin, *, opened: bool) -> ReadOptions:
    """What the boxes say of how the file is read; none where nothing can be chosen."""
    if origin.parts is None:
        return ReadOptions()
    parts = remembered("data_parts", origin.stamp, origin.parts)
    return how_read(origin.stamp, origin.name, parts, opened=opened)


def table_of(origin: Origin, options: ReadOptions) -> Table:
    """The file read; the session keeps the table, or why there is none. TaskError as of the reader."""

    def read() -> Table | TaskError:
        try:
            return origin.read(options)
        except TaskError as error:
            if origin.parts is None:
                raise
            return error

    found = remembered("data_table", (origin.stamp, options), read)
    if isinstance(found, TaskError):
        raise found
    return found


def checked(table: Table, columns: Columns) -> TaskReading:
    """Every row of the table under these columns."""
    return remembered(
        "data_reading",
        (table, columns),
        lambda: validate(
            table,
            columns.kind,
            dict(columns.mapping),
            labels=columns.labels,
            answers=columns.answers,
            fill_options=columns.fill_options,
        ),
    )
