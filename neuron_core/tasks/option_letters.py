"""Removes letters and numbers before options, such as `A. water` or `3) water`, and finds options in a question."""

import re
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJ"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"
_BEFORE = r"[\s\u200b\ufeff]*(?:(?:option|choice|answer)\s+)?[*(\[<（【]*"
_SIGN, _WIDE, _DASH = r"[.):\]>*．）】、：]+", "[．）】、：]", r"\s+[-–—]\s+"
_MARKS = (
    re.compile(rf"{_BEFORE}([A-J])(?:{_SIGN}\s*|{_DASH}|\t+|\s\s+|/\s+)(?=\S)", re.IGNORECASE),
    # Without a blank 1.5 would be one of them.
    re.compile(rf"{_BEFORE}([0-9]{{1,2}})(?:{_SIGN}\s+|{_WIDE}+\s*|{_DASH})(?=\S)", re.IGNORECASE),
    re.compile(rf"{_BEFORE}([IVX]+)(?:{_SIGN}\s+|{_WIDE}+\s*|{_DASH})(?=\S)", re.IGNORECASE),
    re.compile(rf"\s*([{_CIRCLED}])\s*(?=\S)"),
)
_OWN = re.compile(rf"{_BEFORE}([A-J])(?:{_SIGN}|\s)\s*(?=\S)")
_INSIDE = re.compile(r"(?:^|(?<=\s))\(?([A-J])[.):]\s+")
_HEADING = re.compile(r"\s*(?:(?:the )?(?:options|choices|answer choices|answers)(?: are)?\s*:)?\s*$", re.IGNORECASE)


def without_letters(texts: Sequence[str]) -> list[str] | None:
    """The options without their letters or numbers; None unless every option has one and they are in order."""
    if len(texts) < 2:
        return None
    for mark in _MARKS:
        found = [mark.match(text) for text in texts]
        names = [match[1].upper() for match in found if match]
        if len(names) == len(texts) and _in_order(names):
            return [text[match.end() :].strip() for text, match in zip(texts, found, strict=True) if match]
    return None


def has_own_letters(texts: Sequence[str]) -> bool:
    """Whether at least two of the options begin with the letter of their place, as in `A a hammer`."""
    marks = [_OWN.match(text) for text in texts[: len(LETTERS)]]
    return sum(bool(mark) and mark[1] == letter for mark, letter in zip(marks, LETTERS, strict=False) if mark) > 1


def lettered(text: str) -> list[str]:
    """Splits `A) a hammer B) a spoon` into its options; empty unless the letters run A, B, C, … from the start."""
    marks = list(_INSIDE.finditer(text))
    if len(marks) < 2 or marks[0].start() != 0 or [mark[1] for mark in marks] != list(LETTERS[: len(marks)]):
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]


def options_inside(question: str) -> tuple[str, list[str]] | None:
    """Splits a question from the lettered options at its end; None if it has none."""
    for mark in _INSIDE.finditer(question):
        options = lettered(question[mark.start() :]) if mark[1] == "A" else []
        before = _HEADING.sub("", question[: mark.start()])
        if len(options) > 1 and all(options) and before.strip():
            return before.strip(), options
    return None


def numbered(n: int) -> tuple[list[str], list[str]]:
    """The numbers of n places as texts, counted from 0 and counted from 1."""
    return [str(number) for number in range(n)], [str(number) for number in range(1, n + 1)]


def _in_order(names: list[str]) -> bool:
    n = len(names)
    return names in (list(LETTERS[:n]), list(_ROMAN[:n]), list(_CIRCLED[:n]), *numbered(n))
