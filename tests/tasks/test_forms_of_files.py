"""Small files in the forms that people have: each is read right, or refused; none is silently wrong."""

import json

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.load import load_task

QUIZ = [
    ("Which tool drives a nail?", ["a hammer", "a spoon", "a pillow", "a kite"]),
    ("What falls from clouds?", ["sand", "water", "copper", "paper"]),
    ("Where do fish live?", ["a drawer", "the moon", "a lake", "a hat"]),
    ("What do bees make?", ["bricks", "cheese", "wool", "honey"]),
]
TEXTS = ["warm soup", "cold tea", "kind staff", "broken lamp", "a joy", "never again", "soft cloth", "dull plot"]
TAGGED = [
    (["Ada", "Novak", "met", "Rui"], ["B-PER", "I-PER", "O", "B-PER"]),
    (["Oslo", "is", "cold"], ["B-LOC", "O", "O"]),
    (["Acme", "grew"], ["B-ORG", "O"]),
    (["In", "1999"], ["O", "B-DATE"]),
]


@pytest.fixture
def read(tmp_path):
    """What load_task makes of a file of this name with these lines or records."""

    def make(name, content):
        path = tmp_path / name
        if not isinstance(content, str):
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        path.write_text(content, encoding="utf-8")
        return load_task(str(path))

    return make


def quiz(fields):
    """A record of each question; fields(place of the right answer, its choices) gives options and answer."""
    return [{"question": question, **fields(i, choices)} for i, (question, choices) in enumerate(QUIZ)]


def moods(label):
    return "text,label\n" + "".join(f"{text},{label(i)}\n" for i, text in enumerate(TEXTS))


@pytest.mark.parametrize(
    "form",
    [
        *(
            "{}. {}",
            "{}) {}",
            "({}) {}",
            "[{}] {}",
            "{}: {}",
            "{} - {}",
            "{}){}",
            "{}.{}",
            "{}.\n{}",
            "{}、{}",
            "{}．{}",
        ),
        *(
            "（{}）{}",
            "<{}> {}",
            "{}\t{}",
            "{}> {}",
            "**{}** {}",
            "{}.) {}",
            "\u200b{}. {}",
            "Option {}: {}",
            "choice {} - {}",
        ),
    ],
)
def test_letters_before_the_options_are_removed_and_noted(read, form):
    reading = read(
        "t.jsonl",
        quiz(
            lambda i, choices: {
                "options": [form.format(*pair) for pair in zip("ABCD", choices, strict=True)],
                "answer": "ABCD"[i],
            }
        ),
    )
    assert [e.fields["choices"] for e in reading.task.examples] == [choices for _, choices in QUIZ]
    assert [e.answer for e in reading.task.examples] == ["a hammer", "water", "a lake", "honey"]
    assert any("removed" in note for note in reading.notes)


@pytest.mark.parametrize(
    "names",
    [("1. ", "2. ", "3. ", "4. "), ("(0) ", "(1) ", "(2) ", "(3) "), ("I. ", "II. ", "III. ", "IV. "), "①②③④", "abcd"],
)
def test_numbers_in_the_options_are_taken_off(read, names):
    names = [f"{name}) " for name in names] if names == "abcd" else names
    reading = read(
        "t.jsonl", quiz(lambda i, c: {"options": [a + b for a, b in zip(names, c, strict=True)], "answer": c[i]})
    )
    assert reading.rejected == ()
    assert [e.fields["choices"] for e in reading.task.examples] == [choices for _, choices in QUIZ]


@pytest.mark.parametrize("options", [["1.5", "2.5", "3.5", "4.5"], ["A", "B", "C", "D"], ["a.m.", "b", "c", "d"]])
def test_options_that_are_letters_or_numbers_themselves_stay(read, options):
    reading = read("t.jsonl", quiz(lambda i, _: {"options": options, "answer": options[i]}))
    assert reading.task.examples[0].fields["choices"] == options


@pytest.mark.parametrize("form", ["{} {}", "{}. {}"])
def test_letters_that_can_t_be_taken_off_for_sure_are_warned_of(read, form):
    def fields(i, choices):
        lettered = [form.format(*pair) for pair in zip("ABCD", choices, strict=True)]
        return {"options": lettered if form == "{} {}" else [choices[0], *lettered[1:]], "answer": "ABCD"[i]}

    assert any("begin with a letter" in note for note in read("t.jsonl", quiz(fields)).notes)


def test_letters_before_labels_are_taken_off(read):
    assert set(read("t.csv", moods(lambda i: ("A. good", "B. bad")[i % 2])).task.labels) == {"good", "bad"}


def test_letters_before_an_answer_and_its_distractors_are_taken_off(read):
    def fields(i, choices):
        wrong = [choice for choice in choices if choice != choices[i]]
        return {"answer": f"A) {choices[i]}", "distractors": [f"{a}) {b}" for a, b in zip("BCD", wrong, strict=True)]}

    assert [e.answer for e in read("t.jsonl", quiz(fields)).task.examples] == ["a hammer", "water", "a lake", "honey"]


@pytest.mark.parametrize(
    "option",
    [
        *("All of the above", "None of the above", "all of these", "None of these", "Both of them"),
        *("Both A and B", "Neither A nor B", "A and B only", "(A) and (C)", "A, B and C", "Both 1 and 2"),
        *("A or B", "1 and 2", "(1) and (3) only", "I and III only", "None of the options", "All the options above"),
        *(
            "All are correct",
            "None of the answers",
            "Neither",
            "All but A and C",
            "以上都是",
            "Alle genannten",
            "either B or D",
        ),
    ],
)
def test_an_option_that_names_others_is_warned_of(read, option):
    reading = read("t.jsonl", quiz(lambda i, choices: {"choices": [*choices[:3], option], "answer": choices[0]}))
    assert any("names others" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (lambda i, c: {"options": dict(zip("ABCD", c, strict=True)), "answer": "ABCD"[i]}, "keys are letters"),
        (
            lambda i, c: {"options": dict(reversed(list(zip("ABCD", c, strict=True)))), "answer": "ABCD"[i]},
            "keys in any order",
        ),
        (
            lambda i, c: {"options": dict(zip(("o1", "o2", "o3", "o4"), c, strict=True)), "answer": f"o{i + 1}"},
            "keys of any name",
        ),
        (
            lambda i, c: {
                "options": [{"key": k, "content": t} for k, t in zip("ABCD", c, strict=True)],
                "answer": "ABCD"[i],
            },
            "pairs",
        ),
        (lambda i, c: {"choices": c, "answer": [int(j == i) for j in range(4)]}, "one-hot"),
        (lambda i, c: {"choices": c, "answer": str([int(j == i) for j in range(4)])}, "one-hot in a cell"),
        (lambda i, c: {"choices": c, "answer": [c[i]]}, "a list of one"),
        (lambda i, c: {"choices": c, "answer": f"Option {'ABCD'[i]}"}, "Option B"),
        (lambda i, c: {"choices": c, "answer": f"({'abcd'[i]}) {c[i]}"}, "letter and text"),
        (lambda i, c: {"opa": c[0], "opb": c[1], "opc": c[2], "opd": c[3], "cop": "ABCD"[i]}, "letters in names"),
    ],
)
def test_options_and_answers_in_other_forms_are_a_choice(read, fields, why):
    """Options that are dropped would leave a free question, whose distractors are other answers."""
    task = read("t.jsonl", quiz(fields)).task
    assert (task.kind, [e.answer for e in task.examples]) == (
        "multiple_choice",
        ["a hammer", "water", "a lake", "honey"],
    ), why


def test_answers_that_count_from_0_and_from_1_are_an_error(read):
    rows = [{"question": f"{q} {k}", "choices": c, "answer": k} for q, c in QUIZ for k in range(5)]
    with pytest.raises(TaskError, match="from 0"):
        read("t.jsonl", rows)


@pytest.mark.parametrize(
    "option", ["Both sides", "vitamin A and zinc", "all of the water", "water or tea", "A hammer and a spoon"]
)
def test_an_option_that_names_no_other_is_not_warned_of(read, option):
    reading = read("t.jsonl", quiz(lambda i, choices: {"choices": [*choices[:3], option], "answer": choices[0]}))
    assert not any("names others" in note for note in reading.notes)


@pytest.mark.parametrize("form", ["option {}", "Option_{}", "choice {}", "answer{}"])
def test_answers_may_be_numbered_names_of_options(read, form):
    task = read("t.jsonl", quiz(lambda i, c: {"choices": c, "answer": form.format(i + 1)})).task
    assert [e.answer for e in task.examples] == ["a hammer", "water", "a lake", "honey"]


@pytest.mark.parametrize("flag", ["correct", "is_correct", "isCorrect"])
def test_an_option_may_be_marked_as_the_right_one(read, flag):
    task = read("t.jsonl", quiz(lambda i, c: {"options": [{"text": t, flag: j == i} for j, t in enumerate(c)]})).task
    assert [e.answer for e in task.examples] == ["a hammer", "water", "a lake", "honey"]


def test_whole_numbers_with_and_without_a_point_are_one_label(read):
    reading = read("t.csv", moods(lambda i: ("1", "1.0", "0", "0.0")[i % 4]))
    assert reading.task.labels == ("1", "0")
    assert any("the writing of a number" in note for note in reading.notes)


@pytest.mark.parametrize("sign", ["nan", "NaN", "#N/A", "null", "-", "N/A"])
def test_a_sign_of_a_missing_label_is_no_class(read, sign):
    reading = read("t.csv", moods(lambda i: ("good", "bad", sign, "bad")[i % 4]))
    assert reading.task.labels == ("good", "bad")
    assert [(one.row, one.rule) for one in reading.rejected] == [(4, "no label"), (8, "no label")]


def test_plus_and_minus_are_two_labels(read):
    assert read("t.csv", moods(lambda i: "+-"[i % 2])).task.labels == ("+", "-")


@pytest.mark.parametrize("label", ["None", "-1"])
def test_a_label_that_may_mean_none_is_noted(read, label):
    reading = read("t.csv", moods(lambda i: ("0", "1", label)[i % 3]))
    assert any(f"{label!r} counts as a class" in note for note in reading.notes)


def test_labels_that_join_others_and_labels_of_one_example_are_noted(read):
    notes = read("t.csv", moods(lambda i: ("good", "bad", "good; bad")[i % 3])).notes
    assert "warning: 'good; bad' names several other labels" in notes
    notes = read("t.csv", moods(lambda i: "8" if i == 7 else ("good", "bad")[i % 2])).notes
    assert "'8' is the label of a single example" in notes


def test_a_ruled_line_is_no_example(read):
    table = "| text | label |\n|---|---|\n" + "".join(f"| {t} | {'ab'[i % 2]} |\n" for i, t in enumerate(TEXTS))
    for name in ("t.md", "t.csv"):
        reading = read(name, table)
        assert (len(reading.task.examples), [one.rule for one in reading.rejected]) == (8, ["ruled line"])


@pytest.mark.parametrize("spelled", ["Good", "good ", "GOOD", "good\u200b", "good\u00a0", "\ufeffgood"])
def test_spellings_of_a_label_are_one(read, spelled):
    reading = read("t.csv", moods(lambda i: ("good", "bad", spelled, "bad")[i % 4]))
    assert len(reading.task.labels) == 2


@pytest.mark.parametrize(
    ("number", "name"),
    [("label", "label_text"), ("label", "label_name"), ("label_id", "label"), ("intent", "intent_name")],
)
def test_names_of_labels_win_over_their_numbers(read, number, name):
    lines = [f"text,{number},{name}", *(f"{t},{i % 2},{('bad', 'good')[i % 2]}" for i, t in enumerate(TEXTS))]
    assert set(read("t.csv", "\n".join(lines)).task.labels) == {"good", "bad"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("premise", "hypothesis"), ("sentence1", "sentence2"), ("text_a", "text_b"), ("question1", "question2")],
)
def test_a_pair_of_texts_is_asked_about_as_one(read, one, other):
    rows = [{one: "the same", other: text, "label": ("yes", "no", "maybe")[i % 3]} for i, text in enumerate(TEXTS)]
    reading = read("t.jsonl", rows)
    assert len(reading.task.examples) == 8 == reading.n_texts
    assert reading.mapping["text"] == (one, other)


@pytest.mark.parametrize("column", ["context", "passage", "article", "story", "paragraph", "background"])
def test_a_passage_is_a_part_of_the_question(read, column):
    rows = [
        {column: f"Story of {c[i]}.", "question": "Who?", "options": c, "answer": c[i]} for i, (_, c) in enumerate(QUIZ)
    ]
    reading = read("t.jsonl", rows)
    assert len(reading.task.examples) == 4 == reading.n_texts
    assert reading.mapping["context"] == column


@pytest.mark.parametrize(
    ("scheme", "lines"),
    [
        ("IOB2", "Ada B-PER|van I-PER|Dyk I-PER|Bo B-PER"),
        ("IOB1", "Ada I-PER|van I-PER|Dyk I-PER|Bo B-PER"),
        ("IOBES", "Ada B-PER|van I-PER|Dyk E-PER|Bo S-PER"),
        ("BILOU", "Ada B-PER|van I-PER|Dyk L-PER|Bo U-PER"),
        ("lower case", "Ada b-per|van i-per|Dyk i-per|Bo b-per"),
    ],
)
def test_each_scheme_of_tags_gives_the_same_entities(read, scheme, lines):
    outside = "o" if scheme == "lower case" else "O"
    single = {"IOB1": "I-LOC", "IOBES": "S-LOC", "BILOU": "U-LOC", "lower case": "b-loc"}.get(scheme, "B-LOC")
    text = lines.replace("|", "\n") + f"\nran {outside}\n\nOslo {single}\n"
    reading = read("t.conll", text.replace(" ", "\t"))
    assert [(e.fields["entity"], e.fields["label"].upper()) for e in reading.task.examples] == [
        ("Ada van Dyk", "PER"),
        ("Bo", "PER"),
        ("Oslo", "LOC"),
    ]


@pytest.mark.parametrize("name", ["t.tsv", "t.tab", "t.ner", "t", "t.data"])
def test_tagged_files_under_the_name_of_a_table_are_read_as_tagged(read, name):
    text = "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*one, strict=True)) for one in TAGGED)
    reading = read(name, text)
    assert set(reading.task.labels) == {"PER", "LOC", "ORG", "DATE"}
    assert set(read(name, "token\tner_tag\n" + text).task.labels) == {"PER", "LOC", "ORG", "DATE"}
    assert any("its name says tsv" in note for note in reading.notes) == (name in ("t.tsv", "t.tab"))


def test_numbers_of_tokens_are_no_words_and_a_last_column_without_tags_is_passed_by(read):
    """The form of GermEval: a number, the word, its tag, and the tag of what is nested in it."""
    text = "#\thttp://example.com [2009]\n"
    for words, tags in TAGGED:
        text += "".join(f"{n}\t{w}\t{t}\tO\n" for n, (w, t) in enumerate(zip(words, tags, strict=True), start=1)) + "\n"
    reading = read("t.tsv", text)
    assert [(e.fields["entity"], e.fields["label"]) for e in reading.task.examples] == [
        *(("Ada Novak", "PER"), ("Rui", "PER"), ("Oslo", "LOC"), ("Acme", "ORG"), ("1999", "DATE"))
    ]
    assert any("column 3" in note for note in reading.notes)


@pytest.mark.parametrize("types", [("PER", "LOC"), ("person", "place"), ("Person", "Place")])
def test_bare_types_in_sentences_are_known_by_their_content(read, types):
    person, place = types
    text = f"Ada {person}\nNovak {person}\nmet O\n\nOslo {place}\nis O\ncold O\n"
    for name in ("t.txt", "t.conll"):
        found = [(e.fields["entity"], e.fields["label"]) for e in read(name, text).task.examples]
        assert found == [("Ada Novak", person), ("Oslo", place)]


@pytest.mark.parametrize(
    ("types", "cut"),
    [
        (("person-actor", "location-GPE", "art-film", "event-other"), True),
        (("person-of-note", "location-city", "art-film", "event-other"), False),
        (("person-actor", "weird-firm", "art-film", "event-other"), False),
        (("organization-firm", "organization-team", "person-actor", "art-film"), False),
    ],
)
def test_only_few_nerds_own_fine_types_are_cut(read, types, cut):
    text = "\n\n".join(f"Ada{i}\t{kind}\nran\tO" for i, kind in enumerate(types))
    labels = read("t.conll", text + "\n").task.labels
    assert labels == (("person", "location", "art", "event") if cut else types)


def test_tags_in_the_first_column_are_no_words(read):
    """Read by the last column, the words would be the labels."""
    text = "B-PER\tAda\nO\tran\n\nB-LOC\tOslo\n\nB-ORG\tAcme\n\nB-DATE\tMay\n"
    try:
        labels = set(read("t.conll", text).task.labels)
    except TaskError:
        return
    assert labels == {"PER", "LOC", "ORG", "DATE"}


@pytest.mark.parametrize("name", ["t.conll", "t.iob", "t.bio", "t.txt", "t.iob2"])
def test_tagged_files_are_read_by_their_content(read, name):
    text = "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*one, strict=True)) for one in TAGGED)
    assert set(read(name, text).task.labels) == {"PER", "LOC", "ORG", "DATE"}


def test_a_word_a_row_is_no_classification(read):
    """The table of words that many NER courses use: a number of the sentence in its first row only."""
    lines = ["Sentence #,Word,POS,Tag"]
    for n, (words, tags) in enumerate(TAGGED, start=1):
        lines += [
            f"{f'Sentence: {n}' if not i else ''},{w},NN,{t}" for i, (w, t) in enumerate(zip(words, tags, strict=True))
        ]
    try:
        reading = read("t.csv", "\n".join(lines))
    except TaskError:
        return
    assert reading.task.kind == "span_typing"
