"""What a user may change of a prompt: whole prompts as literals, and what is refused."""

from dataclasses import replace

import pytest

from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.prompt import check_wording, proxy_questions
from neuron_core.qatt.stems import stem_fields, stem_of, stem_template
from neuron_core.tasks.load import bundled_tasks, load_task
from tests.builders import classification_rows, write_jsonl

NER = [
    {"sentence": "Ada Lovelace was born in London.", "entity": "London", "label": "location"},
    {"sentence": "The ship sank off Cape Horn in 1905.", "entity": "The ship", "label": "product"},
    {"sentence": "She joined the Red Cross.", "entity": "Red Cross", "label": "organization"},
    {"sentence": "He met Grace Hopper twice.", "entity": "Grace Hopper", "label": "person"},
    {"sentence": "They read Middlemarch.", "entity": "Middlemarch", "label": "art"},
]
QUIZ = [
    {"question": "Which metal is liquid?", "answer": "mercury", "distractors": ["tin", "zinc", "lead", "iron"]},
    {"question": "Which planet is red?", "answer": "Mars", "distractors": ["Venus", "Earth", "Saturn"]},
    {"question": "Which gas do plants take in?", "answer": "carbon dioxide"},
    {"question": "Which organ pumps blood?", "answer": "the heart"},
    {"question": "Which ocean is the largest?", "answer": "the Pacific"},
]


@pytest.fixture
def ner(tmp_path):
    return load_task(str(write_jsonl(tmp_path / "ner.jsonl", NER))).task


@pytest.fixture
def quiz(tmp_path):
    return load_task(str(write_jsonl(tmp_path / "quiz.jsonl", QUIZ))).task


def prompt(task, config, place=1, chat=None):
    return proxy_questions(task.examples[place], task, task.examples[0], 0, config, chat)[0].prompt


def test_role_rule_and_stem_take_the_place_of_the_task_s_own_in_question_and_demonstration(ner):
    config = PromptConfig(role="You name things.", rule="Say A, B, C or D.", stem='In "{sentence}": {entity} {{is}}?')
    assert (
        prompt(ner, config)
        == """\
You name things.
Say A, B, C or D.

Question: In "Ada Lovelace was born in London.": London {is}?
A. organization
B. person
C. location
D. art
Answer: C

Question: In "The ship sank off Cape Horn in 1905.": The ship {is}?
A. person
B. product
C. organization
D. art
Answer:"""
    )


def test_empty_role_and_rule_and_no_demonstration_leave_the_question_alone(ner):
    config = PromptConfig(role="", rule="", demonstration="none")
    (question, *_) = proxy_questions(ner.examples[1], ner, draw(ner, 0, 1, 0, "none").demonstration, 0, config)
    assert (
        question.prompt
        == """\
Question: What type of entity is the span in this sentence?
Sentence: The ship sank off Cape Horn in 1905.
Span: "The ship"
A. person
B. product
C. organization
D. art
Answer:"""
    )
    assert prompt(ner, PromptConfig(role="")).startswith("Read the question and the four options.")
    assert prompt(ner, PromptConfig(rule="")).startswith("You are an expert in named entity recognition.\n\nQuestion: ")


def test_a_chat_prompt_is_the_plain_one_inside_the_template(ner):
    chat = ChatTemplate("<|user|>\n", "<|end|>\n<|assistant|>\n")
    config = PromptConfig(rule="Say A, B, C or D.", template="chat")
    assert (
        prompt(ner, config, chat=chat)
        == """\
<|user|>
You are an expert in named entity recognition.
Say A, B, C or D.

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
Answer:<|end|>
<|assistant|>
"""
    )
    assert prompt(ner, replace(config, template="plain")) in prompt(ner, config, chat=chat)


def test_a_chat_prompt_without_a_template_says_why(ner):
    with pytest.raises(ModelError, match="not known before the model is"):
        prompt(ner, PromptConfig(template="chat"))
    with pytest.raises(ModelError, match=r"no chat template\. Accepted: plain text"):
        prompt(ner, PromptConfig(template="chat"), chat=ChatTemplate(problem="the tokenizer has no chat template"))


@pytest.mark.parametrize("name", bundled_tasks())
def test_the_kind_s_own_stem_as_a_template_gives_the_kind_s_own_stem(name):
    task = load_task(name).task
    template = stem_template(task)
    for example in task.examples[:20]:
        assert stem_of(example, task, template) == stem_of(example, task, None)


def test_the_template_that_is_offered_names_the_columns_but_not_the_answer(ner, quiz):
    assert stem_template(ner) == (
        'What type of entity is the span in this sentence?\nSentence: {sentence}\nSpan: "{entity}"'
    )
    assert (stem_fields(ner), stem_fields(quiz)) == (("sentence", "entity"), ("question",))
    braced = replace(ner, wording=replace(ner.wording, question="Which {type}?"))
    assert stem_of(ner.examples[0], braced, stem_template(braced)).startswith("Which {type}?\nSentence: Ada")


def test_choices_in_a_stem_are_one_line(tmp_path):
    rows = [{"question": "Which\nkeeps rain off?", "choices": ["a  spoon", "b", "c", "d"], "answer": "b"}] * 1
    task = load_task(str(write_jsonl(tmp_path / "q.jsonl", rows))).task
    assert stem_of(task.examples[0], task, "{question} ({choices})") == "Which keeps rain off? (a spoon; b; c; d)"


@pytest.mark.parametrize(
    ("stem", "said"),
    [
        ("{label}: {sentence}", r"unknown field \{label\}.*Where: task ner.*Accepted: \{sentence\}, \{entity\}"),
        ("{Sentence}", r"unknown field \{Sentence\}"),
        ("{}", r"unknown field \{\}"),
        ("{0}", r"unknown field \{0\}"),
        ("{sentence.upper}", r"unknown field \{sentence\.upper\}"),
        ("{sentence[0]}", r"unknown field \{sentence\[0\]\}"),
        ("{sentence!r}", r"unknown field \{sentence!r\}"),
        ("{sentence:>99999999}", r"unknown field \{sentence:>99999999\}"),
        ("{sentence", "brace that encloses no column.*Where: stem"),
        ("a } {sentence}", "brace that encloses no column"),
        ("What is it?", r"is the same for every example.*\{sentence\}, \{entity\}"),
        ("", "is the same for every example"),
        ("{{sentence}}", "is the same for every example"),
    ],
)
def test_a_stem_that_does_not_fit_is_refused_before_a_model_is_loaded(ner, stem, said):
    config = PromptConfig(stem=stem)
    with pytest.raises(ConfigError, match=said):
        check_wording(ner, (), 0, config)
    with pytest.raises(ConfigError, match=said):
        prompt(ner, config)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"letter": "E"}, r"demonstration letter 'E'.*A, B, C, D"),
        ({"demonstration": ""}, "demonstration is empty.*seed, none, or the id of an example"),
        ({"distractors": "web"}, "unknown distractor source 'web'.*kind, column, file"),
        ({"template": "html"}, "unknown template 'html'.*plain, chat"),
    ],
)
def test_a_wrong_setting_is_named(settings, said):
    with pytest.raises(ConfigError, match=said):
        PromptConfig(**settings)


def test_a_chosen_demonstration_opens_the_prompts_and_is_asked_about_nowhere(tmp_path):
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", classification_rows(60)))).task
    usual = draw(task, 5, 20, 0)
    chosen = usual.attribution[2]
    draws = draw(task, 5, 20, 0, chosen.id)
    assert draws.demonstration == chosen
    assert chosen not in (*draws.attribution, *draws.evaluation)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    assert all(f"Text: {chosen.fields['text']}\n" in question.prompt for question in questions)


def test_without_a_demonstration_the_same_examples_are_asked_about(tmp_path):
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", classification_rows(60)))).task
    usual, bare = draw(task, 5, 20, 0), draw(task, 5, 20, 0, "none")
    assert bare.demonstration is None
    assert (bare.attribution, bare.evaluation) == (usual.attribution, usual.evaluation)


def test_a_demonstration_that_is_no_example_says_what_would_be_one(ner):
    with pytest.raises(ConfigError, match=rf"no example 'nobody'.*seed, none, or an id such as {ner.examples[0].id}"):
        draw(ner, 1, 1, 0, "nobody")


def wrong_of(task, place, source, seed=0):
    questions = proxy_questions(task.examples[place], task, None, seed, PromptConfig(distractors=source))
    (found,) = {frozenset(option.text for option in question.options if not option.correct) for question in questions}
    assert len(found) == 3
    return found


def test_distractors_of_the_file_are_answers_of_other_examples_and_change_with_the_seed(quiz, ner):
    answers = {row["answer"] for row in QUIZ} - {"mercury"}
    found = {wrong_of(quiz, 0, "file", seed) for seed in range(20)}
    assert all(one < answers for one in found)
    assert len(found) > 1
    assert wrong_of(ner, 0, "file") < {"product", "organization", "person", "art"}


def test_distractors_of_the_column_are_the_row_s_own(quiz):
    assert wrong_of(quiz, 0, "column") < {"tin", "zinc", "lead", "iron"}
    assert wrong_of(quiz, 1, "column") == {"Venus", "Earth", "Saturn"}


def test_a_row_without_distractors_is_named_when_they_are_to_come_from_the_column(quiz):
    config = PromptConfig(distractors="column")
    check_wording(quiz, quiz.examples[:2], 0, config)
    with pytest.raises(ConfigError, match=r"quiz\.jsonl, row 3.*kind, file"):
        check_wording(quiz, quiz.examples, 0, config)


def test_a_file_of_three_answers_has_no_distractors_for_its_questions(tmp_path):
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", classification_rows(9)))).task
    with pytest.raises(ConfigError, match="3 different answers; four are needed"):
        check_wording(task, task.examples[:1], 0, PromptConfig(distractors="file"))


def test_the_usual_wording_needs_nothing_checked(ner):
    check_wording(ner, ner.examples, 0, USUAL)
    assert prompt(ner, USUAL) == prompt(ner, PromptConfig(stem=stem_template(ner)))
