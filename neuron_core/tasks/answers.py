"""The forms in which files give the correct answer: its text, its letter, its place among the choices, or one-hot."""

import re
from collections.abc import Sequence
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds.base import same_text

FORMS = ("text", "letter", "index0", "index1")
FORM_NOTES = {
    "letter": "answers are letters of the choices",
    "index0": "answers are places among the choices, counted from 0",
    "index1": "answers are places among the choices, counted from 1",
}
_LETTER = re.compile(r"(?:(?:option|choice|answer) )?[(\[]?([a-z])[.):\]]?", re.IGNORECASE)
_LETTER_AND_TEXT = re.compile(r"[(\[]?([A-Ja-j])(?:[.):\]]\s*|\s+[-–—]\s+)(.+)", re.DOTALL)
_PLACE = re.compile(r"(?:(?:option|choice|answer)[ _-]?)?([0-9]{1,3})(\.0)?")


def answer_form(rows: Sequence[tuple[Any, Sequence[Any]]], where: str) -> str:
    """The form that most of the (answer, choices) rows have, one of FORMS. Ties go to text, then letter, then places.

    where: names the file in messages. Raises TaskError if the answers are places and it cannot be told whether they
    count from 0 or from 1.
    """
    counts = {form: sum(resolve(answer, choices, form) is not None for answer, choices in rows) for form in FORMS}
    best = max(FORMS, key=lambda form: counts[form])
    if best not in ("index0", "index1"):
        return best
    places = [(int(match[1]), len(choices)) for a, choices in rows if (match := _PLACE.fullmatch(same_text(a)))]
    first, last = any(place == 0 for place, _ in places), any(place == n for place, n in places)
    if first == last:
        what = "count from 0 in some rows and from 1 in others" if first else "may count from 0 or from 1"
        raise TaskError(
            f"the answers are numbers that {what}",
            where=f"{where}, column answer",
            accepted="answers='index0' or 'index1' (--answers)",
        )
    return "index0" if first else "index1"


def could_be_places(rows: Sequence[tuple[Any, Sequence[Any]]]) -> bool:
    """Whether all answers, though read as texts, are numbers that could also be places among the choices."""
    found = [(_PLACE.fullmatch(same_text(answer)), len(choices)) for answer, choices in rows]
    return bool(found) and all(match and int(match[1]) <= n for match, n in found)


def resolve(answer: Any, choices: Sequence[Any], form: str) -> Any | None:
    """The choice that an answer names when it is read in this form; None if it names no choice.

    As a text, an answer names the choice with the same text. It may carry its letter, as in `A. a hammer`.
    """
    texts = [same_text(choice) for choice in choices]
    if isinstance(answer, list):
        # One-hot: [0, 1, 0, 0].
        marks = [mark in (1, True) for mark in answer]
        plain = len(answer) == len(choices) and all(mark in (0, 1) for mark in answer) and sum(marks) == 1
        return choices[marks.index(True)] if plain and form == "text" else None
    text = same_text(answer)
    if form == "text":
        if text and text in texts:
            return choices[texts.index(text)]
        both = _LETTER_AND_TEXT.fullmatch(str(answer).strip())
        place = ord(both[1].upper()) - ord("A") if both else -1
        return choices[place] if both and place < len(texts) and texts[place] == same_text(both[2]) else None
    if form == "letter":
        match = _LETTER.fullmatch(text)
        place = ord(match[1].upper()) - ord("A") if match else -1
    else:
        number = _PLACE.fullmatch(text)
        place = int(number[1]) - int(form[-1]) if number else -1
    found = choices[place] if 0 <= place < len(choices) else None
    return None if found is None or not texts[place] else found
