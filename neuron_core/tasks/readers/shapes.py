"""Turns the records of published datasets into task rows, whatever file format they come in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from neuron_core.tasks.cells import by_key, structured
from neuron_core.tasks.option_letters import options_inside
from neuron_core.tasks.readers.annotations import annotated
from neuron_core.tasks.readers.passages import passages
from neuron_core.tasks.readers.source import BadRow, Note, Row, shown
from neuron_core.tasks.readers.tagging import chunked
from neuron_core.tasks.readers.tags import CHUNKS, entities, is_fine_grained, no_entity_note, normal, types_of
from neuron_core.tasks.readers.words import sentences_of_words

TOKENS = ("tokens", "words", "token", "sentence", "text")
TAGS = ("fine_ner_tags", "ner_tags", "chunk_tags", "ner", "tags", "bio_tags", "bio", "tag", "labels", "entities")
_NAMES = ("label", "key", "letter", "id", "name")
_FLAGS = ("correct", "is_correct", "isCorrect", "answer", "is_answer", "label")
_TEXTS = ("text", "content", "value", "option", "answer")
"keys that datasets use for the letter and for the text of an option"
_QUESTIONS = ("question", "prompt", "instruction", "query", "input", "problem")
_ANSWERS = ("answer", "answerKey", "correct_answer", "label", "target", "completion", "response", "output")
_OPTION_COLUMN = re.compile(
    r"(choices|options|endings|candidates|(option|choice|answer|op)?[ _]?[a-d1-4])", re.IGNORECASE
)
_IS_LETTER = re.compile(r"[(\[]?[A-Ja-j](?:[.):\]]+(?:\s.*)?)?", re.DOTALL)
_WRAPPERS = ("fields", "data", "row", "record", "item", "example")
_NUMBERS = ("id", "_id", "index", "row_idx", "createdTime")
_CELLS = ("choices", "options", "question", "mc1_targets", "tokens", "words", "label", "answers", *TAGS)
"columns whose cells may hold a list or an object as text"


def shaped(rows: Iterable[Row], note: Note, tag_names: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Turns records of known shapes into task rows: multiple choice, tokens with tags, and annotations.

    Rows of any other shape pass unchanged.
    """
    without, inside, names = 0, 0, tag_names or {}
    for number, fields in sentences_of_words(rows):
        if isinstance(fields, BadRow):
            yield number, fields
            continue
        parsed = {column: _structure(column, value) for column, value in _unwrapped(fields).items()}
        found = _tagged(parsed, names)
        if isinstance(found, BadRow):
            yield number, found
            continue
        if found is not None:
            tokens, tags, column = found
            if column == "chunk_tags" or (types_of(tags) and types_of(tags) <= CHUNKS):
                yield number, chunked(tokens, tags)
            else:
                made = entities(
                    tokens, tags, cut=column == "fine_ner_tags" and is_fine_grained(types_of(tags), any_fine=True)
                )
                without += not made
                yield from ((number, row) for _, row in made)
            continue
        records = annotated(parsed)
        if records is not None:
            yield from ((number, row) for row in records)
            continue
        asked = passages(parsed)
        if asked is None:
            split = _split_question(parsed)
            inside += split is not None
            yield number, multiple_choice(split or parsed) or split or _unwrapped(fields)
        else:
            yield from ((number, row if isinstance(row, BadRow) else multiple_choice(row) or row) for row in asked)
    if inside:
        note(
            f"the options of {inside:,} {'question stand' if inside == 1 else 'questions stand'} in the question itself"
        )
    if without:
        note(no_entity_note(without))


def _split_question(fields: dict[str, Any]) -> dict[str, Any] | None:
    """A record whose options stand at the end of its question, and whose answer is a letter; None for any other."""
    if any(_OPTION_COLUMN.fullmatch(column) for column in fields):
        return None
    column = next((name for name in _QUESTIONS if isinstance(fields.get(name), str)), None)
    told = next((name for name in _ANSWERS if isinstance(fields.get(name), str)), None)
    if column is None or told is None or not _IS_LETTER.fullmatch(fields[told].strip()):
        return None
    split = options_inside(fields[column])
    rest = {name: value for name, value in fields.items() if name not in (column, told)}
    return {"question": split[0], "choices": split[1], "answer": fields[told], **rest} if split else None


def _unwrapped(fields: dict[str, Any]) -> dict[str, Any]:
    """The record inside one that holds nothing else but its number: `{"id": 1, "fields": {…}}`."""
    inside = [name for name in fields if name in _WRAPPERS and isinstance(fields[name], dict)]
    if len(inside) == 1 and set(fields) <= {inside[0], *_NUMBERS}:
        found: dict[str, Any] = fields[inside[0]]
        return found
    return fields


def multiple_choice(fields: dict[str, Any]) -> dict[str, Any] | None:
    """A multiple-choice record in a plain form, made from nested questions, labelled choices or `mc1_targets`.

    Other columns are kept. None if the record has none of these shapes.
    """
    told = fields.get("answer")
    named = isinstance(told, dict) and isinstance(told.get("text"), str)
    if isinstance(told, dict) and named:
        fields = {**fields, "answer": told["text"]}
    question, choices = fields.get("question"), fields.get("choices", fields.get("options"))
    rest = {c: v for c, v in fields.items() if c not in ("question", "choices", "options", "answerKey", "mc1_targets")}
    nested = isinstance(question, dict) and "stem" in question
    if isinstance(question, dict) and nested:
        question, choices = question["stem"], question.get("choices")
    targets = fields.get("mc1_targets")
    if (
        isinstance(targets, dict)
        and isinstance(targets.get("choices"), list)
        and isinstance(targets.get("labels"), list)
    ):
        texts, marks = targets["choices"], targets["labels"]
        right = [text for text, mark in zip(texts, marks, strict=False) if mark == 1]
        made = {"question": question, "choices": texts, "answer": right[0] if len(right) == 1 else None}
        return {**rest, **{c: value for c, value in made.items() if value is not None}}
    labels, texts = _labelled(choices)
    if not nested and not labels:
        return fields if named else None
    key = fields.get("answerKey", fields.get("answer", _flagged(choices, texts)))
    answer = dict(zip(labels, texts, strict=True)).get(key, key) if isinstance(key, str | int) else key
    made = {"question": question, "choices": texts if labels else choices, "answer": answer}
    return {**rest, **{c: value for c, value in made.items() if value is not None}}


def _structure(column: str, value: Any) -> Any:
    if column not in _CELLS or not isinstance(value, str) or not value.strip().startswith(("{", "[", "array(")):
        return value
    found = structured(value)
    return value if found is None else found


def _labelled(choices: Any) -> tuple[list[Any], list[Any]]:
    """Labels and texts of [{label, text}, …], {label: […], text: […]} or {A: …, B: …}; empty for any other value."""
    if isinstance(choices, dict) and {"label", "text"} <= set(choices):
        labels, texts = choices["label"], choices["text"]
    elif isinstance(choices, dict):
        labels, texts = by_key(choices)
    elif isinstance(choices, list) and choices and all(isinstance(c, dict) for c in choices):
        name, text = (next((n for n in names if all(n in c for c in choices)), None) for names in (_NAMES, _TEXTS))
        if text is None:
            return [], []
        texts = [c[text] for c in choices]
        labels = list(range(len(choices))) if name is None else [c[name] for c in choices]
    else:
        return [], []
    if not isinstance(labels, list) or not isinstance(texts, list) or len(labels) != len(texts):
        return [], []
    # A broken file may have any value as a label; only these can be keys.
    return (labels, texts) if all(isinstance(label, str | int) for label in labels) else ([], [])


def _flagged(choices: Any, texts: list[Any]) -> Any:
    """The text of the option that is marked as correct; None unless exactly one is marked."""
    if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
        return None
    marked = [t for one, t in zip(choices, texts, strict=False) if any(one.get(flag) is True for flag in _FLAGS)]
    return marked[0] if len(marked) == 1 else None


def _tagged(fields: dict[str, Any], names: Mapping[str, str]) -> tuple[list[str], list[str], str] | BadRow | None:
    """Tokens, their tags, and the name of the tags' column; a BadRow if these do not match; None without both."""
    tokens = next((fields[name] for name in TOKENS if _texts(fields.get(name))), None)
    if tokens is None:
        return None
    column = next((name for name in TAGS if isinstance(fields.get(name), list)), None)
    if column is None:
        return None
    tags = [names.get(str(tag), tag) for tag in fields[column]]
    if len(tags) != len(tokens):
        what = f"has {len(tokens)} tokens and {len(tags)} tags"
        return BadRow(what, shown(" ".join(tokens)), "tokens without their tags", "a tag for each token")
    if not _texts(tags):
        what, accepted = f"has tags in {column!r} that are no names", "their names: --labels 0=O,1=B-PER,2=I-PER"
        return BadRow(what, shown(fields[column]), "tags without names", accepted)
    return tokens, normal(tags), column


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
