"""Chunking: a sentence and its phrases in brackets. The wrong options are other segmentations of the sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuron_core.tasks.kinds.base import Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording

Chunk = tuple[str, tuple[str, ...]]
OUTSIDE = ""
_PIECE = re.compile(r"\[([^\s\[\]]+) ([^\[\]]+)\]|(\S+)")
_SWAPS = {"NP": "VP", "VP": "NP", "PP": "ADVP", "ADVP": "PP", "ADJP": "NP", "SBAR": "PP", "PRT": "ADVP"}


def parse(answer: str) -> list[Chunk]:
    """Parses `[NP the number] [VP grew]` into (tag, tokens) pairs. A token outside of brackets has the tag "".

    A token inside a chunk may not contain a bracket.
    """
    chunks: list[Chunk] = []
    for match in _PIECE.finditer(one_line(answer)):
        tag, inside, outside = match.groups()
        chunks.append((tag, tuple(inside.split())) if tag else (OUTSIDE, (outside,)))
    return chunks


def render(chunks: Sequence[Chunk]) -> str:
    return " ".join(f"[{tag} {' '.join(words)}]" if tag else words[0] for tag, words in chunks)


def _written(text: Any) -> str:
    return render(parse(str(text)))


@dataclass(frozen=True)
class Edit:
    """A change of a segmentation: the chunks from `first` up to `end` are replaced by others with the same words."""

    first: int
    end: int
    chunks: tuple[Chunk, ...]

    def independent_of(self, other: "Edit") -> bool:
        """Whether the two edits change different chunks, so that each can be made without the other."""
        return self.end <= other.first or other.end <= self.first


def edited(chunks: Sequence[Chunk], *edits: Edit) -> list[Chunk]:
    """Applies edits that change different chunks."""
    changed = list(chunks)
    for edit in sorted(edits, key=lambda edit: edit.first, reverse=True):
        changed[edit.first : edit.end] = edit.chunks
    return changed


def edits_of(chunks: Sequence[Chunk]) -> list[Edit]:
    """Every single edit: two chunks merged, one chunk split, one boundary moved by a word, or one tag changed."""
    found: list[Edit] = []
    for i, (tag, words) in enumerate(chunks):
        if not tag:
            continue
        found.append(Edit(i, i + 1, ((_SWAPS.get(tag, "NP"), words),)))
        found += [Edit(i, i + 1, ((tag, words[:cut]), (tag, words[cut:]))) for cut in range(1, len(words))]
        if i + 1 == len(chunks) or not chunks[i + 1][0]:
            continue
        next_tag, next_words = chunks[i + 1]
        found.append(Edit(i, i + 2, ((tag, words + next_words),)))
        if len(next_words) > 1:
            found.append(Edit(i, i + 2, ((tag, words + next_words[:1]), (next_tag, next_words[1:]))))
        if len(words) > 1:
            found.append(Edit(i, i + 2, ((tag, words[:-1]), (next_tag, words[-1:] + next_words))))
    return found


def wrong_segmentations(chunks: Sequence[Chunk]) -> list[str]:
    """Every segmentation that differs by one edit."""
    return list(dict.fromkeys(render(edited(chunks, edit)) for edit in edits_of(chunks)))


def _problem(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("sentence", "answer")):
        return problem
    words = one_line(fields["sentence"]).split()
    chunks = parse(str(fields["answer"]))
    given = fields.get("distractors")
    for column, texts in (("answer", [fields["answer"]]), ("distractors", given if isinstance(given, list) else [])):
        if any(_words(text) != words for text in texts if one_line(text)):
            return Problem(
                column,
                "other words than the sentence",
                "does not have the words of the sentence in their order",
                "[NP the number] [VP grew] for: the number grew",
            )
    found = len(wrong_segmentations(chunks))
    if given is None and found < 3:
        complaint = f"allows {found} wrong segmentations; three are needed"
        return Problem("answer", "too few options", complaint, "a sentence with more chunks or longer ones")
    return None


def _words(text: Any) -> list[str]:
    return [word for _, words in parse(str(text)) for word in words]


def _stem(example: Example, wording: Wording) -> str:
    return f"{wording.question}\nSentence: {one_line(example.fields['sentence'])}"


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    """Three wrong options: one edit, another edit, and both edits together.

    All four options are then equally similar to each other. With three single edits, the correct answer would be the
    one that is closest to the others, and could be found without reading the sentence. If no two edits change different
    chunks, three single edits are taken all the same.
    """
    chunks = parse(str(example.fields["answer"]))
    edits = {render(edited(chunks, edit)): edit for edit in edits_of(chunks)}
    order = pick(tuple(edits), len(edits), seed, example.id)
    for place, text in enumerate(order):
        partner = next((other for other in order[place + 1 :] if edits[text].independent_of(edits[other])), None)
        if partner is not None:
            return text, partner, render(edited(chunks, edits[text], edits[partner]))
    return order[:3]


CHUNKING = TaskKind(
    name="chunking",
    columns=("sentence", "answer"),
    wording=Wording(
        "You are an expert in syntactic chunking.",
        "Which option divides this sentence into the correct chunks?",
    ),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
    written=_written,
)
