"""Answers given as a text, a letter or a place among the choices."""

import re
from collections.abc import Sequence
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds.base import one_line

FORMS = ("text", "letter", "index0", "index1")
SAID = {
    "letter": "answers are letters of the choices",
    "index0": "answers are places among the choices, counted from 0",
    "index1": "answers are places among the choices, counted from 1",
}
_LETTER = re.compile(r"\(?([A-Za-z])[.):]?")


def answer_form(rows: Sequence[tuple[Any, Sequence[Any]]], where: str) -> str:
    """The form that most of the (answer, choices) rows have; the text itself before letters, those before places.

    TaskError where places may count from 0 as well as from 1: the choices are then others, and nothing tells.
    """
    counts = {form: sum(resolve(answer, choices, form) is not None for answer, choices in rows) for form in FORMS}
    best = max(FORMS, key=lambda form: counts[form])
    if best in ("index0", "index1") and counts["index0"] == counts["index1"]:
        raise TaskError(
            "the answers are numbers that may count from 0 or from 1",
            where=f"{where}, column answer",
            accepted="answers='index0' or 'index1' (--answers)",
        )
    return best


def resolve(answer: Any, choices: Sequence[Any], form: str) -> Any | None:
    """The choice that an answer of this form names; None where it names none."""
    text = one_line(answer)
    if form == "text":
        return answer if text and text in map(one_line, choices) else None
    if form == "letter":
        match = _LETTER.fullmatch(text)
        place = ord(match[1].upper()) - ord("A") if match else -1
    else:
        number = re.fullmatch(r"([0-9]{1,3})(\.0)?", text)
        place = int(number[1]) - int(form[-1]) if number else -1
    found = choices[place] if 0 <= place < len(choices) else None
    return None if found is None or not one_line(found) else found
