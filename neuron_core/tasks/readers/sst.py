"""Stanford Sentiment Treebank: one tree in brackets per line. The five labels of the root are folded to three."""

import re
from collections.abc import Iterator

from neuron_core.tasks.readers.source import BadRow, Note, Row, Source, shown, text_of, too_long

LABELS = ("negative", "negative", "neutral", "positive", "positive")
_PIECE = re.compile(r"\(|\)|[^()\s]+")
_MARKS = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "``": '"',
    "''": '"',
}
_ESCAPED = re.compile(r"\\([/*])")


def read_sst(source: Source, note: Note) -> Iterator[Row]:
    """Reads the trees. Words stay tokenised as in the treebank, but its names for brackets and quotes are replaced."""
    for number, line in enumerate(text_of(source).split("\n"), start=1):
        if not line.strip():
            continue
        found = too_long(line) or tree(line)
        if isinstance(found, BadRow):
            yield number, found
            continue
        label, words = found
        yield number, {"text": " ".join(map(plain_word, words)), "label": LABELS[label]}


def plain_word(token: str) -> str:
    return _MARKS.get(token.upper(), _ESCAPED.sub(r"\1", token))


def tree(line: str) -> tuple[int, list[str]] | BadRow:
    """The label of the root (0 to 4) and the words of a tree such as `(3 (2 It) (4 shines))`, or a BadRow."""
    words: list[str] = []
    labels: list[int] = []
    # What each open bracket contains so far: nothing, "label", "word" or "children".
    open_: list[str] = []
    complaint = "the brackets do not close"
    for piece in _PIECE.findall(line):
        if piece == "(":
            if (open_ and open_[-1] not in ("label", "children")) or (labels and not open_):
                break
            if open_:
                open_[-1] = "children"
            open_.append("")
        elif piece == ")":
            if not open_ or open_.pop() not in ("word", "children"):
                break
        elif open_ and open_[-1] == "":
            if piece not in ("0", "1", "2", "3", "4"):
                complaint = f"a label is {piece[:20]!r}, not 0 to 4"
                break
            labels.append(int(piece))
            open_[-1] = "label"
        elif open_ and open_[-1] == "label":
            words.append(piece)
            open_[-1] = "word"
        else:
            break
    else:
        if words and not open_:
            return labels[0], words
    return BadRow(f"is not a sentiment tree: {complaint}", shown(line), "not a tree", "(3 (2 It) (4 shines))")
