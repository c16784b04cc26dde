"""Chunking: a sentence and its bracketed phrases. Distractors are wrong segmentations of that sentence."""

import hashlib
import re

from neuron_core.tasks.kinds.base import Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording

Chunk = tuple[str, tuple[str, ...]]
OUTSIDE = ""
_PIECE = re.compile(r"\[([^\s\[\]]+) ([^\[\]]+)\]|(\S+)")
_SWAPS = {"NP": "VP", "VP": "NP", "PP": "ADVP", "ADVP": "PP", "ADJP": "NP", "SBAR": "PP", "PRT": "ADVP"}


def parse(answer: str) -> list[Chunk]:
    """`[NP the number] [VP grew]` to (tag, tokens) pairs; a token outside of brackets has the tag "".

    A token inside of a chunk has no bracket in it.
    """
    chunks: list[Chunk] = []
    for match in _PIECE.finditer(one_line(answer)):
        tag, inside, outside = match.groups()
        chunks.append((tag, tuple(inside.split())) if tag else (OUTSIDE, (outside,)))
    return chunks


def render(chunks: list[Chunk]) -> str:
    return " ".join(f"[{tag} {' '.join(words)}]" if tag else words[0] for tag, words in chunks)


def wrong_segmentations(chunks: list[Chunk]) -> list[str]:
    """Every segmentation one edit away: two chunks merged, one split, one boundary moved, one tag changed."""
    found: list[list[Chunk]] = []
    for i, (tag, words) in enumerate(chunks):
        before, after = chunks[:i], chunks[i + 1 :]
        if not tag:
            continue
        found.append([*before, (_SWAPS.get(tag, "NP"), words), *after])
        for cut in range(1, len(words)):
            found.append([*before, (tag, words[:cut]), (tag, words[cut:]), *after])
        if not after or not after[0][0]:
            continue
        next_tag, next_words = after[0]
        found.append([*before, (tag, words + next_words), *after[1:]])
        if len(next_words) > 1:
            found.append([*before, (tag, words + next_words[:1]), (next_tag, next_words[1:]), *after[1:]])
        if len(words) > 1:
            found.append([*before, (tag, words[:-1]), (next_tag, words[-1:] + next_words), *after[1:]])
    right = render(chunks)
    return [text for text in dict.fromkeys(render(chunks) for chunks in found) if text != right]


def _check(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("sentence", "answer")):
        return problem
    chunks = parse(str(fields["answer"]))
    if [word for _, words in chunks for word in words] != one_line(fields["sentence"]).split():
        return Problem(
            "answer",
            "other words than the sentence",
            "does not have the words of the sentence in their order",
            "[NP the number] [VP grew] for: the number grew",
        )
    found = len(wrong_segmentations(chunks))
    if found < 3:
        complaint = f"allows {found} wrong segmentations; three are needed"
        return Problem("answer", "too few options", complaint, "a sentence with more chunks or longer ones")
    return None


def _stem(example: Example, wording: Wording) -> str:
    return f"{wording.question}\nSentence: {one_line(example.fields['sentence'])}"


def _options(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    chunks = parse(str(example.fields["answer"]))
    one_edit = wrong_segmentations(chunks)
    near = pick(one_edit, 3, seed, example.id)
    # One distractor in three goes a second edit away, so that difficulty varies within a question.
    further = [text for text in wrong_segmentations(parse(near[0])) if text not in near and text != render(chunks)]
    mixed = near if not further else (*pick(further, 1, seed, example.id), *near[1:])
    return (render(chunks), *sorted(mixed, key=lambda text: hashlib.sha256(text.encode()).hexdigest()))


CHUNKING = TaskKind(
    name="chunking",
    columns=("sentence", "answer"),
    wording=Wording(
        "You are an expert in syntactic chunking.",
        "Which option divides this sentence into the correct chunks?",
    ),
    check=_check,
    stem=_stem,
    options=_options,
)
