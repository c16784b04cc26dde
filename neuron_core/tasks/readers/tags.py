"""Tags of tokens as spans: BIO, IOB1, IOBES, BILOU, BMES, and bare types. No file format."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

Span = tuple[int, int, str]
"First token, end, type"
BEGIN, INSIDE, LAST, SINGLE = "B", "IM", "EL", "SU"
"prefixes of a tag: IOB1 begins an entity with I, B parting it from one of its type right before"
_PREFIXED = re.compile(r"([BIESLUM])[-_](.+)")
_OUTSIDE = ("O", "", "_", "-", "*")
_LOWER = re.compile(r"([bieslum])[-_](.+)")
_SUFFIXED = re.compile(r"(.+)[-_]([BIESLUM])")
FEW_NERD = {
    "art": "broadcastprogram film music other painting writtenart",
    "building": "airport hospital hotel library other restaurant sportsfacility theater",
    "event": "attack/battle/war/militaryconflict disaster election other protest sportsevent",
    "location": "GPE bodiesofwater island mountain other park road/railway/highway/transit",
    "organization": "company education government/governmentagency media/newspaper other politicalparty religion "
    "showorganization sportsleague sportsteam",
    "other": "astronomything award biologything chemicalthing currency disease educationaldegree god language law "
    "livingthing medical",
    "person": "actor artist/author athlete director other politician scholar soldier",
    "product": "airplane car food game other ship software train weapon",
}
"the fine types of each coarse one"
_FINE = re.compile(rf"({'|'.join(FEW_NERD)})[-_](\w.*)")
CHUNKS = {"ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP"}
"types of CoNLL-2000's chunks"
_CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}]) (?=[{_CJK}])")


def normal(tags: Sequence[str]) -> list[str]:
    """Tags in the usual writing: `b-per` and `o` as B-PER and O, `PER-B` as B-PER, where all tags are written so."""
    inside = [tag for tag in tags if tag not in _OUTSIDE and tag != "o"]
    if inside and all(map(_LOWER.fullmatch, inside)):
        return ["O" if tag == "o" else tag.upper() for tag in tags]
    if inside and all(map(_SUFFIXED.fullmatch, inside)) and not all(map(_PREFIXED.fullmatch, inside)):
        return [_SUFFIXED.sub(r"\2-\1", tag) if tag not in _OUTSIDE else tag for tag in tags]
    return list(tags)


def prefixed(tags: Iterable[str]) -> bool:
    """Whether tags say where a span begins or goes on, as B-PER and I-PER do."""
    inside = [tag for tag in tags if tag not in _OUTSIDE]
    return bool(inside) and all(map(_PREFIXED.fullmatch, inside))


def types_of(tags: Iterable[str]) -> set[str]:
    """The types that tags name, without their prefixes."""
    return {_parts(tag)[1] for tag in tags if tag not in _OUTSIDE}


def is_fine_grained(types: Iterable[str], *, any_fine: bool = False) -> bool:
    """Whether all types are Few-NERD's pairs of a coarse and a fine one, such as `person-actor`.

    any_fine: whatever stands behind the coarse type, for a column that is called Few-NERD's.
    """
    pairs = [_FINE.fullmatch(kind) for kind in set(types)]
    return bool(pairs) and all(pair and (any_fine or pair[2] in FEW_NERD[pair[1]].split()) for pair in pairs)


def coarse(kind: str) -> str:
    """The coarse type of one of Few-NERD's; any other stays."""
    match = _FINE.fullmatch(kind)
    return match[1] if match else kind


def spans(tags: Sequence[str]) -> list[Span]:
    """Each run of tags. A bare type goes on with a run of its type, as does I; B, S and U begin one, E and L end it."""
    found: list[Span] = []
    open_ = False
    for place, tag in enumerate(tags):
        if tag in _OUTSIDE:
            open_ = False
            continue
        prefix, kind = _parts(tag)
        goes_on = open_ and found[-1][1:] == (place, kind) and (prefix == "" or prefix in INSIDE + LAST)
        if goes_on:
            found[-1] = (found[-1][0], place + 1, kind)
        else:
            found.append((place, place + 1, kind))
        open_ = not prefix or prefix not in LAST + SINGLE
    return found


def _parts(tag: str) -> tuple[str, str]:
    match = _PREFIXED.fullmatch(tag)
    return (match[1], match[2]) if match else ("", tag)


def joined(tokens: Sequence[str]) -> str:
    """Tokens as a text: blanks between them, but none between two Chinese or Japanese characters."""
    return _BETWEEN_CJK.sub("", " ".join(tokens))


def entities(tokens: Sequence[str], tags: Sequence[str], *, cut: bool) -> list[tuple[int, dict[str, Any]]]:
    """The first token and the row of each entity. cut: Few-NERD's fine types are cut to the coarse ones."""
    sentence = joined(tokens)
    return [
        (start, {"sentence": sentence, "entity": joined(tokens[start:end]), "label": coarse(kind) if cut else kind})
        for start, end, kind in spans(tags)
    ]
