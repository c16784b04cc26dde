"""A task and the result of checking its file, as JSON lines, CSV, a dict for JSON, and text for a terminal."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.paths import replace_file
from neuron_core.tasks.reading import Rejected, TaskReading, joined_names
from neuron_core.tasks.spreadsheet import safe_cell
from neuron_core.tasks.table import TASK_LINE, listed
from neuron_core.tasks.task import Task


def rejected_csv(rejected: Iterable[Rejected]) -> bytes:
    """The rejected rows as CSV: row, column, value, reason, accepted.

    The text is UTF-8 with a byte order mark, by which spreadsheet programs recognise it.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(("row", "column", "value", "reason", "accepted"))
    writer.writerows(map(safe_cell, (r.row, r.column, r.value, r.complaint, r.accepted)) for r in rejected)
    # A value may be rejected for half a character, which has no bytes.
    return buffer.getvalue().encode("utf-8-sig", errors="backslashreplace")


def examples_jsonl(task: Task) -> bytes:
    """The examples as JSON lines under the kind's column names; `load_task` reads them as the same task.

    The first line holds the kind and the labels, because the rows alone may not show them.
    """
    first = {TASK_LINE: {"kind": task.kind, "labels": list(task.labels)}}
    lines = [first, *(dict(example.fields) for example in task.examples)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def write_file(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; a pipe or a device is written to. Raises TaskError if it can't be written."""
    try:
        # A link stays one: what it leads to is written.
        found = path.expanduser().resolve()
        if found.exists() and not found.is_file():
            found.write_bytes(content)
        else:
            replace_file(found, content)
    except (OSError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or error
        raise TaskError(
            f"the file can't be written: {said}", where=str(path), accepted="a file in a folder that can be written to"
        ) from None


def report(reading: TaskReading) -> dict[str, Any]:
    """The whole reading as values that can be written as JSON."""
    task = reading.task
    return {
        "file": task.source,
        "kind": task.kind,
        "mapping": dict(reading.mapping),
        "n_rows": reading.n_rows,
        "n_examples": len(task.examples),
        "n_texts": reading.n_texts,
        "labels": list(task.labels),
        "n_trimmed": reading.n_trimmed,
        "understood": reading.understood,
        "unused": list(reading.unused),
        "notes": list(reading.notes),
        "fits": reading.fits,
        "counts": reading.counts,
        "rejected": [
            {
                "row": row.row,
                "column": row.column,
                "value": row.value,
                "rule": row.rule,
                "reason": row.complaint,
                "accepted": row.accepted,
            }
            for row in reading.rejected
        ],
    }


def report_text(result: dict[str, Any]) -> str:
    """The report for a terminal: the counts, then each rejected row."""
    n_rejected = len(result["rejected"])
    lines = [
        f"{result['file']}: {result['n_rows']} rows, {result['n_examples']} examples, {n_rejected} rejected",
        f"kind {result['kind']}; "
        + ", ".join(f"{field} = {joined_names(c)}" for field, c in result["mapping"].items()),
    ]
    if result["unused"]:
        lines.append(f"columns not used: {listed(result['unused'])}")
    if result["labels"]:
        n = len(result["labels"])
        lines.append(f"{n} {'label' if n == 1 else 'labels'}: {', '.join(result['labels'])[:200]}")
    if result["n_texts"] < result["n_examples"]:
        lines.append(
            f"{result['n_texts']} different texts among the examples; a run draws at most one example of each text"
        )
    if result["n_trimmed"]:
        lines.append(f"{result['n_trimmed']} examples have more than four options; the seed decides which are dropped")
    fits = f"the other prompts fit {result['fits']}" if result["fits"] else "the length of prompts was not checked"
    lines += [*result["notes"], fits]
    lines += [f"{count} rejected: {rule}" for rule, count in result["counts"].items()]
    lines += [
        f"row {row['row']}{', column ' + row['column'] + ':' if row['column'] else ''} {row['reason']} "
        f"({row['value'][:60]!r})" + (f"; accepted: {row['accepted'][:120]}" if row["accepted"] else "")
        for row in result["rejected"]
    ]
    return "\n".join(lines)
