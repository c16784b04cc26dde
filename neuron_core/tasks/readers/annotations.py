"""Turns records of annotation tools (doccano, Prodigy, Label Studio) into rows of a task."""

from collections.abc import Iterator
from typing import Any

from neuron_core.tasks.readers.source import BadRow, shown

REFUSED = ("reject", "ignore")
_SPANS = ("label", "labels", "entities", "spans")
_SCORES = ("cats", "label", "labels", "scores")
_HALF = 0.5
_PARTS = (
    ("start", "start_offset", "begin"),
    ("end", "end_offset", "stop"),
    ("label", "labels", "type", "tag", "entity_group"),
)

Made = dict[str, Any] | BadRow


def annotated(fields: dict[str, Any]) -> list[Made] | None:
    """The rows of one record; None if the record is not from one of these tools."""
    if isinstance(fields.get("data"), dict) and isinstance(fields.get("annotations"), list):
        return list(_label_studio(fields))
    if fields.get("answer") in (*REFUSED, "accept") and not isinstance(fields.get("choices"), list):
        return _prodigy(fields)
    return _spans(fields) or _scored(fields)


def _prodigy(fields: dict[str, Any]) -> list[Made] | None:
    if fields["answer"] in REFUSED:
        return [BadRow(f"the annotator answered {fields['answer']!r}", shown(fields.get("text", "")), "not accepted")]
    text, options, accept = _text(fields), fields.get("options"), fields.get("accept")
    if isinstance(options, list) and isinstance(accept, list):
        # A broken file may have anything as an id: nothing is looked up by it.
        chosen = [one.get("text") for one in options if isinstance(one, dict) and one.get("id") in accept]
        if len(accept) != 1 or len(chosen) != 1:
            what = f"accepts {len(accept)} options; one is needed"
            return [BadRow(what, shown(text), "not one label")]
        return [{"text": text, "label": chosen[0]}]
    rest = {column: value for column, value in fields.items() if column != "answer"}
    return _spans(rest) or _scored(rest) or [rest]


def _spans(fields: dict[str, Any]) -> list[Made] | None:
    """The rows of a text with typed spans, given as [start, end, type] or {start, end, label}."""
    text = _text(fields)
    if text is None:
        return None
    column = next((name for name in _SPANS if _are_spans(fields.get(name))), None)
    if column is None:
        return None
    found = [_parts(span) for span in fields[column]]
    return [_span_row(text, *parts) for parts in found if parts is not None]


def _scored(fields: dict[str, Any]) -> list[Made] | None:
    """A number a label, as spaCy's `cats` and doccano's have them: the label is the one with the only 1."""
    text, column = _text(fields), next((name for name in _SCORES if _are_scores(fields.get(name))), None)
    if text is None or column is None:
        return None
    chosen = [label for label, score in fields[column].items() if score > _HALF]
    if len(chosen) != 1:
        return [BadRow(f"has {len(chosen)} labels; one is needed", shown(fields[column]), "not one label")]
    rest = {name: value for name, value in fields.items() if name != column}
    return [{**rest, "label": chosen[0]}]


def _are_scores(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) > 1
        and all(isinstance(score, int | float) and 0 <= score <= 1 for score in value.values())
    )


def _text(fields: dict[str, Any]) -> str | None:
    return next((fields[name] for name in ("text", "data") if isinstance(fields.get(name), str)), None)


def _parts(span: Any) -> tuple[int, int, Any] | None:
    """Start, end and type of a span; None if the value is not a span."""
    start: Any
    end: Any
    kind: Any
    if isinstance(span, dict):
        start, end, kind = (next((span[n] for n in names if n in span), None) for names in _PARTS)
    elif isinstance(span, list) and len(span) == 3:
        start, end, kind = span
    else:
        return None
    if isinstance(kind, list):
        kind = kind[0] if kind else ""
    return (start, end, kind) if _whole(start) and _whole(end) and kind is not None else None


def _span_row(text: str, start: int, end: int, kind: Any) -> Made:
    if not 0 <= start < end <= len(text):
        return BadRow(
            f"has a span from {start} to {end} in a text of {len(text)} characters", shown(text), "no such span"
        )
    return {"sentence": text, "entity": text[start:end], "label": kind}


def _are_spans(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_parts(span) is not None for span in value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _label_studio(fields: dict[str, Any]) -> Iterator[Made]:
    texts = [value for value in fields["data"].values() if isinstance(value, str)]
    text = fields["data"].get("text", texts[0] if texts else None)
    done = [each for each in fields["annotations"] if isinstance(each, dict) and not each.get("was_cancelled")]
    said = [each["result"] for each in done[:1] if isinstance(each.get("result"), list)]
    results = [one for result in said for one in result if isinstance(one, dict)]
    values: list[dict[str, Any]] = [one["value"] for one in results if isinstance(one.get("value"), dict)]
    if not isinstance(text, str) or not values:
        yield BadRow("has no finished annotation of a text", shown(fields["data"]), "not annotated")
        return
    for value in values:
        chosen = value.get("choices")
        if isinstance(chosen, list):
            if len(chosen) == 1:
                yield {"text": text, "label": chosen[0]}
            else:
                yield BadRow(f"has {len(chosen)} choices; one is needed", shown(chosen), "not one label")
        elif isinstance(value.get("labels"), list) and _whole(value.get("start")) and _whole(value.get("end")):
            yield _span_row(text, value["start"], value["end"], (value["labels"] or [""])[0])
        else:
            yield BadRow(
                "has an annotation that is neither a choice nor a span", shown(value), "not a choice or a span"
            )
