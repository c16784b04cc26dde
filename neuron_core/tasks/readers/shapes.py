"""Rows of published datasets as their records have them, whatever file they came in."""

from collections.abc import Iterable, Iterator
from typing import Any

from neuron_core.tasks.readers.source import Note, Row
from neuron_core.tasks.readers.tagging import chunked, entities

TAG_COLUMNS = ("fine_ner_tags", "ner_tags", "chunk_tags")


def shaped(rows: Iterable[Row], note: Note) -> Iterator[Row]:
    """CommonsenseQA records as question, choices and answer; tokens with tags as entities or chunks.

    Rows of any other shape pass as they are.
    """
    without = 0
    for number, fields in rows:
        tags = next((column for column in TAG_COLUMNS if _tagged(fields, column)), None)
        if tags == "chunk_tags":
            yield number, chunked(fields["tokens"], fields[tags])
        elif tags:
            found = entities(fields["tokens"], fields[tags])
            without += not found
            yield from ((number, made) for _, made in found)
        else:
            yield number, commonsense_qa(fields) or fields
    if without:
        note(f"{without} sentences without an entity give no row")


def commonsense_qa(fields: dict[str, Any]) -> dict[str, Any] | None:
    """`question.stem`, `choices` with label and text, `answerKey` (or that with `choices` beside the question)."""
    question, choices = fields.get("question"), fields.get("choices")
    nested = isinstance(question, dict) and "stem" in question
    if isinstance(question, dict) and nested:
        question, choices = question["stem"], question.get("choices")
    labels, texts = _labelled(choices)
    if not nested and not labels:
        return None
    key = fields.get("answerKey", fields.get("answer"))
    answer = dict(zip(labels, texts, strict=True)).get(key, key) if isinstance(key, str | int) else key
    made = {"question": question, "choices": texts if labels else choices, "answer": answer}
    return {c: value for c, value in made.items() if value is not None}


def _labelled(choices: Any) -> tuple[list[Any], list[Any]]:
    """Labels and texts of [{label, text}, …] or {label: […], text: […]}; empty where it is neither."""
    if isinstance(choices, dict):
        labels, texts = choices.get("label"), choices.get("text")
    elif isinstance(choices, list) and all(isinstance(c, dict) and {"label", "text"} <= set(c) for c in choices):
        labels, texts = [c["label"] for c in choices], [c["text"] for c in choices]
    else:
        return [], []
    if not isinstance(labels, list) or not isinstance(texts, list) or len(labels) != len(texts):
        return [], []
    # A broken file may have anything as a label; only these can be looked up.
    return (labels, texts) if all(isinstance(label, str | int) for label in labels) else ([], [])


def _tagged(fields: dict[str, Any], column: str) -> bool:
    tokens, tags = fields.get("tokens"), fields.get(column)
    return (
        isinstance(tokens, list)
        and isinstance(tags, list)
        and len(tokens) == len(tags)
        and all(isinstance(text, str) for text in (*tokens, *tags))
    )
