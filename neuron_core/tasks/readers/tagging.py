"""Files with one token per line and blank lines between sentences: CoNLL, WNUT, MultiCoNER, Few-NERD, CoNLL-U."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import BadRow, Note, Row, Source, shown, text_of, too_long
from neuron_core.tasks.readers.tags import entities, is_fine_grained, no_entity_note, normal, prefixed, spans, types_of

_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}"}
_WORDS = ("token", "tokens", "word", "words", "form")
_TAGS = ("tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "bio", "iob", "entity")
_CONLLU = 10
"number of columns of a CoNLL-U file"
_SAYS = "a token and its tag with a tab or a blank between, the same number of columns in every line"

Sentence = tuple[list[int], list[list[str]]]
"line numbers, and the fields of each token"


def read_tagged(source: Source, note: Note) -> Iterator[Row]:
    """One row per entity, numbered by the line of its first token.

    The tags are in the last column unless the options name another one. Few-NERD's fine types are reduced to the coarse
    ones.
    """
    sentences = list(_sentences(source, note))
    whole = [(lines, words) for lines, words in sentences if not isinstance(words, BadRow)]
    width = len(whole[0][1][0]) if whole else 0
    column = source.options.tag_column
    if column is None and width == _CONLLU:
        raise TaskError(
            "a CoNLL-U file has no column of entities",
            where=source.where,
            accepted="the column with the labels to ask about, such as --tag-column 4 for each word's part of speech",
        )
    place = (width if column is None else column) - 1
    if whole and not 0 <= place < width:
        raise TaskError(f"the file has {width} columns", where=source.where, accepted=f"a tag column from 1 to {width}")
    names = source.options.tag_names

    def tags_in(place: int) -> list[list[str]]:
        flat = iter(normal([names.get(word[place], word[place]) for _, words in whole for word in words]))
        return [[next(flat) for _ in words] for _, words in whole]

    tagged = tags_in(place)
    if column is None and not _are_tags(tagged):
        others = [0] if width == 2 else range(width - 2, 0, -1)
        other = next((one for one in others if _are_tags(tags_in(one))), None)
        if other is not None:
            place, tagged = other, tags_in(other)
            if width > 2:
                note(f"the last column holds no tags of entities; those of column {place + 1} are read (--tag-column)")
    of_word = 1 if width == _CONLLU or place == 0 or (place > 1 and _numbered(whole)) else 0
    cut = is_fine_grained(kind for tags in tagged for kind in types_of(tags))
    if cut:
        note("fine entity types are reduced to the coarse ones: person-actor is person")
    if width == _CONLLU:
        # Every word is a span of its own, because neighbours with the same part of speech are not a phrase.
        tagged = [[tag if tag == "_" else f"S-{tag}" for tag in tags] for tags in tagged]
    without, tags = 0, iter(tagged)
    for lines, words in sentences:
        if isinstance(words, BadRow):
            yield lines[0], words
            continue
        found = entities([word[of_word] for word in words], next(tags), cut=cut)
        without += not found
        yield from ((lines[start], fields) for start, fields in found)
    if without:
        note(no_entity_note(without))


def _numbered(sentences: Sequence[Sentence]) -> bool:
    """Whether the first column counts the tokens of each sentence."""
    return all([word[0] for word in words] == [str(n) for n in range(1, len(words) + 1)] for _, words in sentences)


def _are_tags(tagged: list[list[str]]) -> bool:
    return prefixed(tag for tags in tagged for tag in tags)


def read_conll2000(source: Source, note: Note) -> Iterator[Row]:
    """One row per sentence, numbered by the line of its first word. An answer looks like `[NP the number] [VP
    grew]`.
    """
    for lines, words in _sentences(source, note):
        if isinstance(words, BadRow):
            yield lines[0], words
        elif len(words[0]) != 3:
            what = f"has {len(words[0])} columns, not 3"
            yield lines[0], BadRow(what, shown(words[0]), accepted="a word, its part of speech and its chunk tag")
        else:
            yield lines[0], chunked([word[0] for word in words], [word[2] for word in words])


def chunked(tokens: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """A row with the sentence and its chunks in brackets. Words outside of chunks have no brackets."""
    words = [_BRACKETS.get(token, token) for token in tokens]
    parts, done = [], 0
    for start, end, kind in spans(tags):
        parts += [*words[done:start], f"[{kind} {' '.join(words[start:end])}]"]
        done = end
    return {"sentence": " ".join(words), "answer": " ".join([*parts, *words[done:]])}


def split_line(line: str) -> list[str]:
    """Splits a line at tabs if it has any, because a token may contain a space; otherwise at spaces."""
    return line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))


def is_comment(line: str) -> bool:
    """A remark about a sentence, as CoNLL-U, MultiCoNER and GermEval have them; a token may be a # too."""
    rest = line.removeprefix("#").strip()
    about = "=" in rest or rest.startswith(("id ", "http://", "https://")) or len(line.split(" ")) > 4
    return line.startswith(("# ", "#\t")) and about


def is_header(fields: Sequence[str]) -> bool:
    """Whether a line names the columns of the tokens below it."""
    plain = [field.strip().lower() for field in fields]
    return len(fields) > 1 and any(one in _WORDS for one in plain) and any(one in _TAGS for one in plain)


def _sentences(source: Source, note: Note) -> Iterator[tuple[list[int], list[list[str]] | BadRow]]:
    """The sentences with their line numbers. A sentence with a broken line is a BadRow at that line."""
    lines = text_of(source).split("\n")
    parted = [[line] if too_long(line) else split_line(line.rstrip(" ")) for line in lines]
    filled = [fields for line, fields in zip(lines, parted, strict=True) if line.strip(" \t") and not is_comment(line)]
    if filled and is_header(filled[0]):
        place = parted.index(filled[0])
        note(f"the column names of line {place + 1} are left out")
        lines[place], parted[place] = "", [""]
        filled = filled[1:]
    widths = Counter(len(fields) for fields in filled if not fields[0].startswith("-DOCSTART-"))
    width = widths.most_common(1)[0][0] if widths else 0
    if filled and width < 2:
        raise TaskError("most lines have one field", where=source.where, accepted=_SAYS)
    numbers: list[int] = []
    words: list[list[str]] = []
    broken: tuple[int, BadRow] | None = None
    blank = 0
    for number, (line, fields) in enumerate(zip([*lines, ""], [*parted, [""]], strict=True), start=1):
        if not line.strip(" \t"):
            if broken:
                yield [broken[0]], broken[1]
            elif words:
                yield numbers, words
            numbers, words, broken = [], [], None
        elif is_comment(line) or fields[0].startswith("-DOCSTART-"):
            continue
        elif width == _CONLLU and not fields[0].isdigit():
            # Ranges stand for contracted words, decimals for words that are not in the text.
            continue
        elif bad := too_long(line):
            broken = broken or (number, bad)
        elif len(fields) != width or not all(field.strip() for field in fields[1:]):
            what = (
                f"has {len(fields)} {'field' if len(fields) == 1 else 'fields'}, not {width}"
                if len(fields) != width
                else "has an empty field"
            )
            broken = broken or (number, BadRow(f"a line {what}: its sentence is left out", shown(line), accepted=_SAYS))
        elif not fields[0].strip():
            blank += 1
        else:
            numbers.append(number)
            words.append(fields)
    if blank:
        note(f"{'1 token that is a blank character is' if blank == 1 else f'{blank:,} blank tokens are'} left out")
