"""Questions inside other records: SQuAD's articles, lists of questions to one text, and two turns of a conversation."""

from collections.abc import Iterator, Mapping
from typing import Any

from neuron_core.tasks.readers.source import BadRow, shown

Made = dict[str, Any] | BadRow
_QUESTIONS = ("qas", "questions", "question")
_TEXTS = ("context", "article", "passage", "story", "paragraph")
_OTHER_ANSWERS = ("choices", "options", "label", "answer", "answerKey", "correct_answer", "correct_answer_id")
_USER, _MODEL = ("user", "human", "prompter"), ("assistant", "gpt", "model", "bot")


def passages(fields: Mapping[str, Any]) -> list[Made] | None:
    """The questions of one record; None where it holds none of these forms.

    Of several accepted answers the first is taken.
    """
    if isinstance(fields.get("paragraphs"), list):
        found = [passages(one) if isinstance(one, dict) else None for one in fields["paragraphs"]]
        return [row for rows in found if rows is not None for row in rows] if any(found) else None
    text = next((fields[name] for name in _TEXTS if isinstance(fields.get(name), str)), None)
    if isinstance(fields.get("qas"), list) and text is not None:
        return [_question(one, text) for one in fields["qas"]]
    if isinstance(fields.get("questions"), list) and text is not None:
        return list(_listed(fields, text))
    turns = fields.get("messages", fields.get("conversations"))
    if isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns):
        return [_conversation(turns)]
    answers = fields.get("answers", fields.get("answer"))
    others = any(not _is_nothing(fields.get(name)) for name in _OTHER_ANSWERS if fields.get(name) is not answers)
    if isinstance(fields.get("question"), str) and not others and isinstance(answers, dict | list):
        texts = _texts(answers)
        if texts is None:
            return None
        rest = {name: value for name, value in fields.items() if name not in ("answers", "answer")}
        return [{**rest, "answer": texts[0]} if texts else _unanswered(fields["question"])]
    return None


def _question(record: Any, text: str) -> Made:
    """One of SQuAD's questions with the passage that it is about."""
    if not isinstance(record, dict) or not isinstance(record.get("question"), str):
        return BadRow("has a question that is no text", shown(record), "no question")
    answers = _texts(record.get("answers", record.get("answer")))
    if record.get("is_impossible") is True or not answers:
        return _unanswered(record["question"])
    return {"question": record["question"], "answer": answers[0], "context": text}


def _unanswered(question: str) -> BadRow:
    return BadRow("has no answer in its passage", shown(question), "no answer")


def _listed(fields: Mapping[str, Any], text: str) -> Iterator[Made]:
    """Questions, answers and perhaps options as lists of one length (RACE, CoQA)."""
    questions, answers = fields["questions"], fields.get("answers")
    options = fields.get("options", [None] * len(questions))
    lists = (questions, answers, options)
    if not isinstance(answers, list) or not isinstance(options, list) or len(set(map(len, lists))) != 1:
        yield BadRow("has other numbers of questions, answers and options", shown(text), "lists of different length")
        return
    for question, answer, choices in zip(questions, answers, options, strict=True):
        asked, told = (one.get("input_text") if isinstance(one, dict) else one for one in (question, answer))
        row = {"question": asked, "answer": told, "context": text}
        yield row if choices is None else {**row, "choices": choices}


def _conversation(turns: list[dict[str, Any]]) -> Made:
    """A question and its answer from the last two turns of a conversation. Earlier turns are the context."""
    said = [(str(turn.get("role", turn.get("from"))), turn.get("content", turn.get("value"))) for turn in turns]
    asked = [text for who, text in said if who in _USER]
    told = [text for who, text in said if who in _MODEL]
    if len(asked) != 1 or len(told) != 1:
        what = f"has {len(asked)} questions and {len(told)} answers; one of each is needed"
        return BadRow(what, shown(asked[0] if asked else turns), "not one question and its answer")
    row = {"question": asked[0], "answer": told[0]}
    before = [text for who, text in said if who not in (*_USER, *_MODEL) and isinstance(text, str) and text.strip()]
    return {**row, "context": " ".join(before)} if before else row


def _texts(answers: Any) -> list[str] | None:
    """The answers of `{"text": […]}`, `{"value": …}`, a list of texts or of such objects; None for anything else."""
    if isinstance(answers, dict):
        answers = answers.get("text", answers.get("value"))
    if isinstance(answers, str):
        return [answers]
    if not isinstance(answers, list):
        return None
    found = [one.get("text", one.get("value")) if isinstance(one, dict) else one for one in answers]
    texts = [one for one in found if isinstance(one, str)]
    return [one for one in texts if one.strip()] if len(texts) == len(found) else None


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or value == []
