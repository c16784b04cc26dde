"""The letter-token rule, with tokenizers that keep it and tokenizers that break it each in another way."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from neuron_core.errors import LetterError
from neuron_core.models.letters import common_prefix_length, tokenize_prompt
from tests.builders import PROMPT, SHORT_PROMPT, byte_level_tokenizer


def wrapped(tokenizer: Tokenizer, **special: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def words(*known: str) -> Tokenizer:
    """One token a word, everything else <unk>."""
    vocabulary = {word: i for i, word in enumerate(("<unk>", *known))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


@pytest.mark.parametrize("prompt", [PROMPT, SHORT_PROMPT], ids=["long", "short"])
def test_letters_are_the_tokens_with_their_space_in_letter_order(prompt):
    tokenizer = wrapped(byte_level_tokenizer())
    found = tokenize_prompt(tokenizer, prompt)
    assert found.token_ids == tuple(tokenizer(prompt)["input_ids"])
    assert [tokenizer.decode(i) for i in found.letter_ids] == [" A", " B", " C", " D"]


@pytest.mark.parametrize("end", ["\n", "\t"])
def test_after_white_space_the_letter_comes_without_a_space(end):
    tokenizer = wrapped(byte_level_tokenizer())
    found = tokenize_prompt(tokenizer, f"Answer:{end}")
    assert [tokenizer.decode(i) for i in found.letter_ids] == ["A", "B", "C", "D"]


def test_a_space_at_the_end_that_the_letter_takes_along_is_refused():
    with pytest.raises(LetterError, match=r"letter A .*it became \['ĠA'\]"):
        tokenize_prompt(wrapped(byte_level_tokenizer()), "Answer: ")


def test_tokens_that_a_tokenizer_puts_in_front_are_the_prompt_s_own():
    backend = byte_level_tokenizer()
    backend.post_processor = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
    found = tokenize_prompt(wrapped(backend), SHORT_PROMPT)
    assert found.token_ids[0] == 0
    assert len(set(found.letter_ids)) == 4


def test_a_tokenizer_that_joins_the_letter_with_the_prompt_is_refused_by_name():
    joining = wrapped(byte_level_tokenizer(["Answer: A"] * 20, regex=False))
    assert len(joining("Answer: A")["input_ids"]) == 1
    with pytest.raises(LetterError, match=r"letter A .*it became \['Answer:ĠA'\].*exactly one new token"):
        tokenize_prompt(joining, "Answer:")


def test_a_tokenizer_that_splits_space_and_letter_is_refused_by_name():
    splitting = wrapped(byte_level_tokenizer(["nothing to merge"], vocab_size=257))
    with pytest.raises(LetterError, match=r"letter A .*it became \['Ġ', 'A'\]"):
        tokenize_prompt(splitting, SHORT_PROMPT)


def test_only_the_letter_that_breaks_the_rule_is_named():
    without_c = wrapped(byte_level_tokenizer([f"Answer: {letter}" for letter in "ABD" for _ in range(20)]))
    with pytest.raises(LetterError, match=r"letter C .*it became \['Ġ', 'C'\]"):
        tokenize_prompt(without_c, SHORT_PROMPT)


def test_two_letters_on_one_unknown_token_are_refused():
    with pytest.raises(LetterError, match=r"letter D .*it became \['<unk>'\]"):
        tokenize_prompt(wrapped(words("Answer:", "A", "B"), unk_token="<unk>"), "Answer:")
    found = tokenize_prompt(wrapped(words("Answer:", "A", "B", "C", "D"), unk_token="<unk>"), "Answer:")
    assert found.letter_ids == (2, 3, 4, 5)


def test_a_tokenizer_that_drops_the_letter_is_refused():
    backend = words("Answer:", "A", "B", "C", "D")
    backend.normalizer = normalizers.Replace(" A", "")
    with pytest.raises(LetterError, match=r"letter A .*it became \[\]"):
        tokenize_prompt(wrapped(backend, unk_token="<unk>"), "Answer:")


def test_a_token_that_the_tokenizer_puts_after_every_text_is_left_out():
    backend = byte_level_tokenizer()
    backend.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=[("<|end|>", 0)])
    assert tokenize_prompt(wrapped(backend), SHORT_PROMPT) == tokenize_prompt(
        wrapped(byte_level_tokenizer()), SHORT_PROMPT
    )


@pytest.mark.parametrize(
    ("sequences", "length"),
    [
        ([(1, 2, 3, 4), (1, 2, 9, 4)], 2),
        ([(1, 2, 3), (1, 2, 3, 4, 5)], 2),
        ([(1, 2, 3), (1, 2, 3)], 2),
        ([(1, 2), (3, 4)], 0),
        ([(1, 2, 3)], 2),
        ([(1, 2, 3, 4), (1, 2, 3, 5), (1, 7, 3, 4)], 1),
        ([(1,), (1, 2)], 0),
    ],
)
def test_the_common_prefix_is_shorter_than_every_sequence(sequences, length):
    assert common_prefix_length(sequences) == length
