"""Template version 1 is frozen: whole prompts as literals. A change breaks runs and adapters made with it."""

import pytest

from neuron_core.errors import ConfigError
from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.prompt import TEMPLATE_VERSION, demonstration_block, proxy_questions
from neuron_core.tasks.load import load_task
from tests.builders import write_jsonl

FILES = {
    "sentiment": [
        {"text": "The soup was warm and the bread was fresh.", "label": "positive"},
        {"text": "The train was late again.", "label": "negative"},
        {"text": "The office opens at nine.", "label": "neutral"},
    ],
    "topic": [
        {"text": "The keeper saved a late penalty.", "label": "sport"},
        {"text": "The bank raised its rate.", "label": "economy"},
    ],
    "ner": [
        {"sentence": "Ada Lovelace was born in London.", "entity": "London", "label": "location"},
        {"sentence": "The ship sank off Cape Horn in 1905.", "entity": "The ship", "label": "product"},
        {"sentence": "She joined the Red Cross.", "entity": "Red Cross", "label": "organization"},
        {"sentence": "He met Grace Hopper twice.", "entity": "Grace Hopper", "label": "person"},
        {"sentence": "They read Middlemarch.", "entity": "Middlemarch", "label": "art"},
    ],
    "chunking": [
        {"sentence": "The old clock ticks loudly", "answer": "[NP The old clock] [VP ticks] [ADVP loudly]"},
        {"sentence": "A fox ran over the hill .", "answer": "[NP A fox] [VP ran] [PP over] [NP the hill] ."},
    ],
    "commonsense": [
        {
            "question": "Where does bread go to brown?",
            "choices": ["freezer", "toaster", "sink", "drawer", "garden"],
            "answer": "toaster",
        },
        {
            "question": "What keeps rain off?",
            "choices": ["spoon", "umbrella", "candle", "sieve"],
            "answer": "umbrella",
        },
    ],
    "quiz": [
        {"question": "Which metal is liquid at room temperature?", "answer": "mercury"},
        {"question": "Which planet has the great red spot?", "answer": "Jupiter"},
        {"question": "Which gas do plants take in?", "answer": "carbon dioxide"},
        {"question": "Which organ pumps blood?", "answer": "the heart"},
        {"question": "Which ocean is the largest?", "answer": "the Pacific"},
    ],
}

PROMPTS = {
    ("sentiment", 1, "A"): """\
You are an expert in sentiment analysis.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: What is the overall sentiment of this text?
Text: The soup was warm and the bread was fresh.
A. neutral
B. negative
C. not sure
D. positive
Answer: D

Question: What is the overall sentiment of this text?
Text: The train was late again.
A. negative
B. positive
C. not sure
D. neutral
Answer:""",
    ("sentiment", 2, "C"): """\
You are an expert in sentiment analysis.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: What is the overall sentiment of this text?
Text: The soup was warm and the bread was fresh.
A. neutral
B. negative
C. not sure
D. positive
Answer: D

Question: What is the overall sentiment of this text?
Text: The train was late again.
A. not sure
B. neutral
C. negative
D. positive
Answer:""",
    ("sentiment", 3, "D"): """\
You are an expert in sentiment analysis.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: What is the overall sentiment of this text?
Text: The soup was warm and the bread was fresh.
A. neutral
B. negative
C. not sure
D. positive
Answer: D

Question: What is the overall sentiment of this text?
Text: The train was late again.
A. positive
B. not sure
C. neutral
D. negative
Answer:""",
    ("topic", 1, "B"): """\
You are an expert in text classification.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: Which label fits this text?
Text: The keeper saved a late penalty.
A. none of these
B. sport
C. economy
D. not sure
Answer: B

Question: Which label fits this text?
Text: The bank raised its rate.
A. sport
B. economy
C. none of these
D. not sure
Answer:""",
    ("ner", 1, "B"): """\
You are an expert in named entity recognition.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: What type of entity is the span in this sentence?
Sentence: Ada Lovelace was born in London.
Span: "London"
A. organization
B. person
C. location
D. art
Answer: C

Question: What type of entity is the span in this sentence?
Sentence: The ship sank off Cape Horn in 1905.
Span: "The ship"
A. person
B. product
C. organization
D. art
Answer:""",
    ("chunking", 1, "A"): """\
You are an expert in syntactic chunking.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: Which option divides this sentence into the correct chunks?
Sentence: The old clock ticks loudly
A. [NP The old clock] [VP ticks] [ADVP loudly]
B. [VP The old clock] [VP ticks] [ADVP loudly]
C. [VP The old clock] [NP ticks] [ADVP loudly]
D. [NP The old clock] [NP ticks] [ADVP loudly]
Answer: A

Question: Which option divides this sentence into the correct chunks?
Sentence: A fox ran over the hill .
A. [NP A fox] [VP ran] [PP over] [NP the hill] .
B. [VP A fox] [VP ran] [PP over the hill] .
C. [VP A fox] [VP ran] [PP over] [NP the hill] .
D. [NP A fox] [VP ran] [PP over the hill] .
Answer:""",
    ("commonsense", 1, "A"): """\
You are an expert in commonsense reasoning.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: Where does bread go to brown?
A. drawer
B. toaster
C. sink
D. garden
Answer: B

Question: What keeps rain off?
A. umbrella
B. candle
C. spoon
D. sieve
Answer:""",
    ("quiz", 1, "B"): """\
You are an expert in answering questions.
Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.

Question: Which metal is liquid at room temperature?
A. Jupiter
B. carbon dioxide
C. mercury
D. the heart
Answer: C

Question: Which planet has the great red spot?
A. the Pacific
B. Jupiter
C. mercury
D. carbon dioxide
Answer:""",
}


@pytest.fixture
def task(tmp_path):
    """`task(name)`: the task of FILES[name]."""
    return lambda name: load_task(str(write_jsonl(tmp_path / f"{name}.jsonl", FILES[name]))).task


def correct_letter(question):
    return next(option.letter for option in question.options if option.correct)


@pytest.mark.parametrize(("name", "proxy", "letter"), PROMPTS)
def test_the_whole_prompt_of_template_version_1(task, name, proxy, letter):
    assert TEMPLATE_VERSION == 1
    found = task(name)
    demonstration, example, *_ = found.examples
    question = proxy_questions(example, found, demonstration, seed=0)[proxy - 1]
    assert question.prompt == PROMPTS[name, proxy, letter]
    assert question.id == f"{example.id}#{proxy}"
    assert (correct_letter(question), question.target) == (letter, "ABCD".index(letter))


def test_the_three_proxies_share_all_up_to_their_options(task):
    found = task("ner")
    prompts = [q.prompt for q in proxy_questions(found.examples[1], found, found.examples[0], seed=0)]
    head, last = prompts[0].split('Span: "The ship"\n')
    assert last.count("\n") == 4
    assert all(prompt.startswith(head + 'Span: "The ship"\nA. ') for prompt in prompts)
    assert all(prompt.endswith("\nAnswer:") for prompt in prompts)


@pytest.mark.parametrize("letter", "ABCD")
@pytest.mark.parametrize("name", FILES)
def test_the_demonstration_stands_on_the_letter_asked_for(task, name, letter):
    found = task(name)
    example = found.examples[0]
    block = demonstration_block(example, found, 0, PromptConfig(letter=letter))
    lines = block.splitlines()
    answer = {
        "sentiment": "positive",
        "topic": "sport",
        "ner": "location",
        "chunking": "[NP The old clock] [VP ticks] [ADVP loudly]",
        "commonsense": "toaster",
        "quiz": "mercury",
    }[name]
    assert lines[-1] == f"Answer: {letter}"
    assert f"{letter}. {answer}" in lines
    default = demonstration_block(example, found, 0).splitlines()
    assert sorted(line[3:] for line in lines[-5:-1]) == sorted(line[3:] for line in default[-5:-1])
    question = proxy_questions(found.examples[1], found, example, 0, PromptConfig(letter=letter))[0]
    assert f"\n\n{block}\n\nQuestion: " in question.prompt


def test_without_a_setting_the_letter_is_one_of_the_example_s_own_and_differs_between_examples(task):
    found = task("quiz")
    letters = {seed: demonstration_block(found.examples[0], found, seed)[-1] for seed in range(40)}
    assert set(letters.values()) == set("ABCD")
    assert demonstration_block(found.examples[0], found, 3) == demonstration_block(found.examples[0], found, 3)


def test_a_letter_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"demonstration letter 'E'.*A, B, C, D"):
        PromptConfig(letter="E")


def test_line_breaks_of_the_data_do_not_break_the_prompt_s_lines(tmp_path):
    rows = [
        {
            "question": "Which\nmetal   is\r\nliquid?\n",
            "choices": [" one\ntwo", "b", "c", "d"],
            "answer": "one two",
        },
        {"question": "Which one?", "choices": ["e", "f", "g", "h"], "answer": "h"},
    ]
    found = load_task(str(write_jsonl(tmp_path / "q.jsonl", rows))).task
    prompt = proxy_questions(found.examples[0], found, found.examples[1], seed=0)[0].prompt
    block = prompt.split("\n\n")[2].splitlines()
    assert block[0] == "Question: Which metal is liquid?"
    assert len(block) == 6
    assert "one two" in {line[3:] for line in block[1:5]}
