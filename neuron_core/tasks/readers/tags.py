"""Turns tags of tokens into spans: BIO, IOB1, IOBES, BILOU, BMES, and types without a prefix."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

Span = tuple[int, int, str]
"first token, end, type"
BEGIN, INSIDE, LAST, SINGLE = "B", "IM", "EL", "SU"
"prefixes of tags; IOB1 begins entities with I, and with B only if one of the same type is right before it"
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
"chunk types of CoNLL-2000"
_CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}]) (?=[{_CJK}])")


def normal(tags: Sequence[str]) -> list[str]:
    """Tags in their usual form: `b-per` and `PER-B` become B-PER, and `o` becomes O, if all tags are written that
    way.
    """
    inside = [tag for tag in tags if tag not in _OUTSIDE and tag != "o"]
    if inside and all(map(_LOWER.fullmatch, inside)):
        return ["O" if tag == "o" else tag.upper() for tag in tags]
    if inside and all(map(_SUFFIXED.fullmatch, inside)) and not all(map(_PREFIXED.fullmatch, inside)):
        return [_SUFFIXED.sub(r"\2-\1", tag) if tag not in _OUTSIDE else tag for tag in tags]
    return list(tags)


def prefixed(tags: Iterable[str]) -> bool:
    """Whether all tags have a prefix that marks the parts of a span, such as B-PER and I-PER."""
    inside = [tag for tag in tags if tag not in _OUTSIDE]
    return bool(inside) and all(map(_PREFIXED.fullmatch, inside))


def types_of(tags: Iterable[str]) -> set[str]:
    """The types of the tags, without prefixes."""
    return {_parts(tag)[1] for tag in tags if tag not in _OUTSIDE}


def is_fine_grained(types: Iterable[str], *, any_fine: bool = False) -> bool:
    """Whether all types are Few-NERD's pairs of a coarse and a fine one, such as `person-actor`.

    any_fine: whatever stands behind the coarse type, for a column that is called Few-NERD's.
    """
    pairs = [_FINE.fullmatch(kind) for kind in set(types)]
    return bool(pairs) and all(pair and (any_fine or pair[2] in FEW_NERD[pair[1]].split()) for pair in pairs)


def coarse(kind: str) -> str:
    """The coarse part of a Few-NERD type. Any other type is returned unchanged."""
    match = _FINE.fullmatch(kind)
    return match[1] if match else kind


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a tag sequence. B, S and U begin a span; E and L end it; I and types without a prefix continue
    it.
    """
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
    """Joins tokens by spaces, but without a space between two Chinese or Japanese characters."""
    return _BETWEEN_CJK.sub("", " ".join(tokens))


def entities(tokens: Sequence[str], tags: Sequence[str], *, cut: bool) -> list[tuple[int, dict[str, Any]]]:
    """The number of the first token and the row of each entity. cut: reduces Few-NERD's types to the coarse ones."""
    sentence = joined(tokens)
    return [
        (start, {"sentence": sentence, "entity": joined(tokens[start:end]), "label": coarse(kind) if cut else kind})
        for start, end, kind in spans(tags)
    ]


def no_entity_note(n: int) -> str:
    """The note about sentences that have no entity and therefore give no row."""
    return "1 sentence without an entity gives no row" if n == 1 else f"{n:,} sentences without an entity give no row"
