"""The tokens of prompts and of the option letters. Each letter must be one token after the prompt. No torch."""

from dataclasses import dataclass
from typing import Any

from neuron_core.errors import LetterError
from neuron_core.models.tokenizers import tokenizer_errors
from neuron_core.tasks.task import LETTERS

PROBE = "A word"


@dataclass(frozen=True)
class TokenizedPrompt:
    """The tokens of a prompt, and those of the four letters that may follow it."""

    token_ids: tuple[int, ...]
    letter_ids: tuple[int, int, int, int]


def encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Token ids of a text, after the tokens that the tokenizer puts first. All texts are tokenized here.

    A chat prompt may have the first tokens already, perhaps after white space; they are not added a second time. A
    token that the tokenizer puts last (`add_eos_token`) is left out, because all texts are to be continued.
    """
    own = _ids(tokenizer, text, add_special_tokens=False)
    first = _first_tokens(tokenizer)
    unspaced = text.lstrip()
    if first and len(unspaced) < len(text):
        begins = _ids(tokenizer, unspaced, add_special_tokens=False)[: len(first)]
    else:
        begins = own[: len(first)]
    return own if begins == first else (*first, *own)


def _ids(tokenizer: Any, text: str, **options: Any) -> tuple[int, ...]:
    with tokenizer_errors():
        return tuple(tokenizer(text, **options)["input_ids"])


def _first_tokens(tokenizer: Any) -> tuple[int, ...]:
    """The tokens that the tokenizer puts before a text, usually one or none."""
    whole, own = _ids(tokenizer, PROBE), _ids(tokenizer, PROBE, add_special_tokens=False)
    n_first = next((n for n in range(len(whole) - len(own) + 1) if whole[n : n + len(own)] == own), 0)
    return whole[:n_first]


def tokenize_prompt(tokenizer: Any, prompt: str) -> TokenizedPrompt:
    """Encodes the prompt alone and with each letter, after a space unless the prompt ends in white space.

    Raises LetterError when a letter changes the prompt's tokens, is not exactly one token, or equals another.
    """
    ids = encode(tokenizer, prompt)
    space = "" if prompt[-1:].isspace() else " "
    letter_ids: list[int] = []
    for letter in LETTERS:
        extended = encode(tokenizer, prompt + space + letter)
        if extended[:-1] != ids or extended[-1] in letter_ids:
            shared = next((i for i, (a, b) in enumerate(zip(ids, extended, strict=False)) if a != b), len(ids))
            became = tokenizer.convert_ids_to_tokens(list(extended[shared:]))
            raise LetterError(
                f"the letter {letter} is not one token of its own after the prompt; it became {became}",
                where=f"tokenizer {type(tokenizer).__name__}",
                accepted="a tokenizer that adds exactly one new token for each of A, B, C, D",
            )
        letter_ids.append(extended[-1])
    a, b, c, d = letter_ids
    return TokenizedPrompt(ids, (a, b, c, d))


def common_prefix_length(sequences: list[tuple[int, ...]]) -> int:
    """Length of the longest prefix that all sequences share, at most one less than the shortest."""
    shortest = min(len(s) for s in sequences)
    first = sequences[0]
    length = next((i for i in range(shortest) if any(s[i] != first[i] for s in sequences)), shortest)
    return min(length, shortest - 1)
