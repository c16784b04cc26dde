"""Makes the stem of a question from a template: a text with the task kind's columns in braces."""

from string import Formatter
from typing import Any

from neuron_core.errors import ConfigError
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.kinds.base import one_line
from neuron_core.tasks.task import ANSWERS, Example, Task, Wording


def stem_fields(task: Task) -> tuple[str, ...]:
    """The columns that a stem may show: the kind's columns without the answer, and the context if examples have one."""
    kind = get_kind(task.kind)
    optional = [column for column in kind.optional if column in task.columns]
    return tuple(column for column in (*kind.columns, *optional) if column not in ANSWERS)


def stem_template(task: Task) -> str:
    """The task kind's own stem as a template."""
    kind = get_kind(task.kind)
    blank = Example("", {column: f"{{{column}}}" for column in (*kind.columns, *stem_fields(task))}, 0)
    question = task.wording.question.replace("{", "{{").replace("}", "}}")
    return kind.stem(blank, Wording(task.wording.role, question))


def stem_of(example: Example, task: Task, template: str | None) -> str:
    """The stem of an example. template: None uses the kind's own stem. Raises ConfigError as `check_stem`."""
    if template is None:
        return get_kind(task.kind).stem(example, task.wording)
    check_stem(template, task)
    return template.format(**{field: _text(example.fields.get(field, "")) for field in stem_fields(task)})


def check_stem(template: str, task: Task) -> None:
    """Raises ConfigError for a single brace, for a field that the task's kind does not have, and without any field."""
    accepted = ", ".join(f"{{{field}}}" for field in stem_fields(task))
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(
            f"the stem has a brace that encloses no column: {error}",
            where="stem",
            accepted=f"{accepted}; {{{{ for a brace",
        ) from None
    fields = [(name, form, conversion) for _, name, form, conversion in parts if name is not None]
    for name, form, conversion in fields:
        if name not in stem_fields(task) or form or conversion:
            field = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            raise ConfigError(f"the stem has an unknown field {field}", where=f"task {task.name}", accepted=accepted)
    if not fields:
        raise ConfigError("the stem is the same for every example", where="stem", accepted=f"a text with {accepted}")


def _text(value: Any) -> str:
    return "; ".join(map(one_line, value)) if isinstance(value, list | tuple) else one_line(value)
