"""Which columns of a file are the columns of a task kind: the mapping itself, its check, and its form as text."""

from collections.abc import Mapping

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds import TaskKind
from neuron_core.tasks.names import SYNONYMS
from neuron_core.tasks.table import Table, listed

ColumnMapping = Mapping[str, str | tuple[str, ...]]
"""A column of the kind → a column of the file, or several.

Several columns become the list of choices or distractors; for any other column their texts are joined."""

Guess = dict[str, str | tuple[str, ...]]
"a mapping that was guessed or parsed, and may be incomplete"


def check_mapping(table: Table, kind: TaskKind, mapping: ColumnMapping) -> None:
    """Raises TaskError for a column that the kind or the file does not have, and for a required column without one."""
    allowed = tuple(SYNONYMS[kind.name])
    for field, columns in mapping.items():
        if field not in allowed:
            raise TaskError(f"the kind {kind.name} has no column {field!r}", accepted=", ".join(allowed))
        for column in (columns,) if isinstance(columns, str) else columns:
            if column not in table.columns:
                raise TaskError(
                    f"the file has no column {column!r}", where=table.source, accepted=listed(table.columns)
                )
        if not isinstance(columns, str) and field == kind.answer_column:
            raise TaskError(f"{field} is one column, not {len(columns)}", where=f"mapping of {field}")
    if missing := [field for field in kind.columns if field not in mapping]:
        raise TaskError(
            f"the kind {kind.name} needs the column {missing[0]!r}, and no column of the file is mapped to it",
            where=f"{table.source}, columns {listed(table.columns)}",
            accepted=f"a mapping of {', '.join(kind.columns)}",
        )


def parse_mapping(text: str) -> Guess:
    """Parses --map: `text=review,label=stars`. A + joins columns: `choices=A+B+C+D`, `text=premise+hypothesis`.

    Names that contain a comma, a plus or an equals sign are quoted. Raises TaskError if the text is not a mapping.
    """
    found: Guess = {}
    for part in _split(text, ","):
        field, *columns = _split(part, "=")
        if len(columns) != 1 or not field.strip() or not columns[0].strip():
            raise TaskError(
                f"not a mapping: {part!r}",
                where="--map",
                accepted='text=review,label=stars or choices=A+B+C+D; names with a comma or a + in quotes: text="a, b"',
            )
        names = tuple(name.strip().strip('"') for name in _split(columns[0], "+"))
        found[field.strip()] = names if len(names) > 1 else names[0]
    return found


def _split(text: str, sign: str) -> list[str]:
    """Splits a text at a sign, except inside quotes."""
    parts, quoted = [""], False
    for char in text:
        quoted ^= char == '"'
        if char == sign and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return parts
