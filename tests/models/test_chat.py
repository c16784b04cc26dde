"""Chat templates as the text before and after a message: what tokenizers make of them, and what is refused."""

import sys
from datetime import date

import pytest
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from neuron_core.errors import ModelError
from neuron_core.models.chat import PROBES, ChatTemplate, chat_template_of
from neuron_core.models.letters import encode, tokenize_prompt
from neuron_core.models.limited import BYTES, limited
from tests.builders import byte_level_tokenizer

ENDS_IN_A_LINE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
ENDS_IN_A_WORD = "{% for m in messages %}[INST] {{ m['content'] | trim }} [/INST]{% endfor %}"


def tokenizer_with(template, first=False, **special):
    backend = byte_level_tokenizer()
    if first:
        backend.post_processor = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    tokenizer.chat_template = template
    return tokenizer


def test_a_template_becomes_what_stands_before_and_after_the_message():
    found = chat_template_of(tokenizer_with(ENDS_IN_A_LINE))
    assert found == ChatTemplate("<|user|>\n", "<|end|>\n<|assistant|>\n")
    assert found.wrap(" Question: {x}\nAnswer: \n") == "<|user|>\nQuestion: {x}\nAnswer:<|end|>\n<|assistant|>\n"
    assert chat_template_of(tokenizer_with(ENDS_IN_A_WORD)) == ChatTemplate("[INST] ", " [/INST]")


def test_after_a_template_that_ends_in_a_line_the_letter_has_no_space_and_after_a_word_it_has():
    for template, letters in ((ENDS_IN_A_LINE, ["A", "B", "C", "D"]), (ENDS_IN_A_WORD, [" A", " B", " C", " D"])):
        tokenizer = tokenizer_with(template)
        text = chat_template_of(tokenizer).wrap("Question: which?\nAnswer:")
        assert [tokenizer.decode(i) for i in tokenize_prompt(tokenizer, text).letter_ids] == letters


@pytest.mark.parametrize("message", PROBES)
def test_the_tokens_are_those_that_the_tokenizer_makes_of_its_own_template(message):
    for first, special in ((False, {}), (True, {"bos_token": "<|end|>"})):
        template = "{{ bos_token }}" + ENDS_IN_A_LINE if first else ENDS_IN_A_LINE
        tokenizer = tokenizer_with(template, first, **special)
        turns = [{"role": "user", "content": message}]
        own = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
        found = tokenize_prompt(tokenizer, chat_template_of(tokenizer).wrap(message)).token_ids
        assert list(found) == own
        assert found.count(0) == 1 + first


def test_a_first_token_that_only_the_tokenizer_adds_stays():
    tokenizer = tokenizer_with(ENDS_IN_A_LINE, first=True, bos_token="<|end|>")
    found = chat_template_of(tokenizer)
    assert found.problem is None
    assert tokenize_prompt(tokenizer, found.wrap("Question: which?")).token_ids[0] == 0


def test_dates_are_fixed_and_thinking_is_off():
    dated = "{{ date_string }}{% if enable_thinking %}<think>{% endif %}{{ messages[0]['content'] }}."
    assert chat_template_of(tokenizer_with(dated)) == ChatTemplate("26 Jul 2024", ".")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "has no chat template"),
        ("{{ raise_exception('Only with tools') }}", "chat template fails: Only with tools"),
        ("{{ messages[0]['content'] | upper }}", "changes the message"),
        ("{{ messages[0]['content'] | length }}", "changes the message"),
        ("{{ messages[0]['content'] }}{% if 'Say' in messages[0]['content'] %}!{% endif %}", "changes the message"),
    ],
)
def test_a_template_that_can_not_be_used_says_why_only_when_it_is_used(template, said):
    found = chat_template_of(tokenizer_with(template))
    with pytest.raises(ModelError, match=said):
        found.wrap("Question: which?")


@pytest.mark.parametrize("shape", ["$A <|end|>", "<|end|> $A <|end|>", "<|end|> x $A"])
@pytest.mark.parametrize("space", ["", "\n", "  "])
def test_first_tokens_come_once_and_last_ones_never(shape, space):
    backend = byte_level_tokenizer()
    known = [("<|end|>", 0), ("x", backend.token_to_id("x"))]
    backend.post_processor = processors.TemplateProcessing(single=shape, special_tokens=known)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|end|>")
    first = shape.split("$A")[0].split()
    tokenizer.chat_template = space + "".join(first) + ENDS_IN_A_LINE
    own = tokenizer("The train was late.", add_special_tokens=False)["input_ids"]
    assert encode(tokenizer, "The train was late.") == (*map(backend.token_to_id, first), *own)
    text = chat_template_of(tokenizer).wrap("Question: which?\nAnswer:")
    meant = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert list(tokenize_prompt(tokenizer, text).token_ids) == meant
    assert tokenizer.convert_ids_to_tokens(meant).count("<|end|>") == 1 + ("<|end|>" in first)


def test_a_template_that_asks_for_the_date_gets_the_day_that_it_is_told():
    dated = "Today is {{ strftime_now('%A, %d %B %Y') }}. {{ messages[0]['content'] }}"
    found = chat_template_of(tokenizer_with(dated), date(2025, 3, 2))
    assert found == ChatTemplate("Today is Sunday, 02 March 2025. ", date="2025-03-02")
    line = "\n{% if strftime_now is defined %}{% set t = strftime_now('%d.%m.') %}{% endif %}"
    line += "{{ t }}{{ messages[0]['content'] }}"
    assert chat_template_of(tokenizer_with(line), date(2025, 3, 2)).before == "\n02.03."
    for form in ("%Y", "%m", "%d", "%a"):
        each = "{{ strftime_now('" + form + "') }}{{ messages[0]['content'] }}"
        assert chat_template_of(tokenizer_with(each), date(2025, 3, 2)).date == "2025-03-02"
    assert chat_template_of(tokenizer_with(ENDS_IN_A_LINE), date(2025, 3, 2)).date is None


LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
DOUBLED = "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "seconds", "said"),
    [
        (LOOP + "{{ messages[0].content }}", 0.5, "it takes longer than 0.5 s"),
        (DOUBLED + "{{ messages[0].content }}", 60.0, "it takes more than 1 GB of memory"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}{{ messages[0].content }}", 60.0, "recursion"),
    ],
    ids=["time", "memory", "depth"],
)
def test_a_template_without_an_end_is_a_problem_and_no_hang(monkeypatch, template, seconds, said):
    monkeypatch.setattr(limited.__wrapped__, "__defaults__", (seconds, BYTES))
    traced = sys.gettrace()
    found = chat_template_of(tokenizer_with(template))
    assert found.problem is not None
    assert found.problem.startswith("the model's chat template fails: ")
    assert said in found.problem
    assert sys.gettrace() is traced
