"""The Data page: bring a file, say what its columns are, see what does not fit, go on with the good."""

import json
import os
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1.element_tree import Block

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.runs.config import EvaluationConfig, config_to_json
from neuron_core.runs.run_folder import RunFolder
from neuron_core.service.jobs import JobState
from neuron_core.tasks.library import keep
from neuron_core.tasks.load import bundled_tasks, load_task
from pages.shared.frame import session
from pages.shared.inputs import lengths as pages_lengths
from pages.shared.inputs.tasks import DATA_ROOT
from tests.builders import classification_rows, write_jsonl
from tests.pages.conftest import faults, texts
from tests.tasks.files import xlsx

UPLOAD, PATH, HUB = "Upload a file", "A file on this machine", "Hugging Face hub"
CSV = (
    "comment,stars\n"
    + "".join(f"A **warm** film <b>{i}</b>,{['good', 'bad'][i % 2]}\n" for i in range(8))
    + ",good\nDull.,\nA **warm** film <b>0</b>,good\n"
).encode()
CHOICES = b"".join(
    b'{"question": "Where is %d?", "choices": ["a", "b", "c", "d", "e%d"], "answer": %d}\n' % (i, i, 1 + i % 3)
    for i in range(9)
)


@pytest.fixture
def bring(open_page):
    """`bring(name, content)`: the Data page with this file uploaded; `chosen`: what the sidebar is set to."""

    def bring_it(name, content, chosen=None):
        app = open_page("data", chosen)
        app.segmented_control(key="data_source").set_value(UPLOAD).run()
        return app.file_uploader(key="data_upload").set_value((name, content, "text/plain")).run()

    return bring_it


def box(app, label):
    """The selectbox or multiselect of this label."""
    return next(one for kind in (app.selectbox, app.multiselect) for one in kind if one.label == label)


def rejected_of(app):
    """The list of rejected rows."""
    return next(one.value for one in app.dataframe if "reason" in one.value)


def counts(app):
    return {card.label: card.value for card in app.metric}


def said(app):
    return texts(app).replace("\\", "")


def test_a_bundled_task_is_shown_and_can_be_taken(open_page):
    app = open_page("data")
    assert faults(app) == []
    assert counts(app) == {"Rows": "240", "Examples": "240", "Rejected": "0", "Different texts": "240", "Labels": "3"}
    app.selectbox(key="data_at_hand").set_value("chunking").run()
    app.button(key="use_task").click().run()
    assert app.selectbox(key="task").value == "chunking"


def test_a_file_is_uploaded_mapped_checked_kept_and_asked_about(bring, runs):
    app = bring("films.csv", CSV)
    assert faults(app) == []
    assert box(app, "Kind of task").value == "classification"
    assert (box(app, "text").value, box(app, "label").value) == (["comment"], "stars")
    assert counts(app) == {"Rows": "11", "Examples": "8", "Rejected": "3", "Different texts": "8", "Labels": "2"}
    assert "so neutral options are added: not sure, none of these" in said(app)
    rejected = rejected_of(app)
    assert rejected.values.tolist() == [
        [10, "comment", "", "is empty", "a text"],
        [11, "stars", "", "is empty", "a text"],
        [12, "comment", "A **warm** film <b>0</b>", "is a duplicate of row 2", "every row once"],
    ]
    app.text_input(key="data_name films").set_value("My films!").run()
    app.button(key="data_use").click().run()
    (kept,) = (runs.parent / "tasks").glob("*.jsonl")
    assert kept.name.startswith("My films-")
    assert app.selectbox(key="task").value == str(kept)
    assert len(load_task(str(kept)).task.examples) == 8
    app.switch_page("pages/questions.py").run()
    assert faults(app) == []
    assert "8 examples" in said(app)
    assert any("A **warm** film <b>" in one.value for one in app.text)


def test_the_page_goes_from_the_sentence_to_the_rows_to_the_rejected_ones_to_a_question(bring):
    app = bring("films.csv", CSV)
    order = [(element.type, str(getattr(element, "value", ""))) for element in app.main]
    tables = [place for place, (kind, _) in enumerate(order) if kind == "dataframe"]
    sentence = next(place for place, (_, text) in enumerate(order) if "Classification with 2 labels" in text)
    prompt = next(place for place, (kind, text) in enumerate(order) if kind == "code" and "Answer:" in text)
    places = [sentence, *tables, prompt]
    assert len(tables) == 2
    assert "is empty" in order[tables[1]][1]
    assert places == sorted(places)


def test_a_task_of_two_labels_marks_the_neutral_options_of_its_questions(bring):
    app = bring("films.csv", CSV)
    app.button(key="data_use").click().run()
    cards = [text.value for text in app.text if text.value.startswith("A. ")]
    assert [card.count("(added neutral option)") for card in cards] == [2, 2, 2]


def test_columns_that_no_name_tells_are_chosen(bring):
    app = bring("t.csv", b"one,two\n" + b"".join(b"text %d,%d\n" % (i, i % 3) for i in range(9)))
    assert faults(app) == []
    assert "No task kind fits the columns one, two" in said(app)
    assert "Choose the column for: text, label." in said(app)
    box(app, "text").set_value(["one"]).run()
    box(app, "label").set_value("two").run()
    assert counts(app)["Examples"] == "9"


def test_a_label_taken_out_rejects_its_rows(bring):
    app = bring("t.csv", CSV + b"Strange.,odd\n")
    assert counts(app)["Labels"] == "3"
    box(app, "Labels").set_value(["good", "bad"]).run()
    assert counts(app)["Labels"] == "2"
    assert [13, "stars", "odd", "is not one of the labels", "good, bad"] in rejected_of(app).values.tolist()


def test_numbers_as_answers_are_settled_by_a_choice_and_spare_options_are_said(bring):
    app = bring("t.jsonl", CHOICES)
    (fault,) = faults(app)
    assert "may count from 0 or from 1" in fault
    box(app, "The answer is").set_value("index1").run()
    assert faults(app) == []
    assert counts(app)["Examples"] == "9"
    assert "9 examples have more than four options" in said(app)


def test_another_encoding_gives_one_box_and_can_be_chosen(bring):
    app = bring("t.csv", "text,label\nкино,да\nещё,нет\n".encode("cp1251"))
    (fault,) = faults(app)
    assert "not UTF" in fault
    box(app, "Encoding").set_value("cp1251").run()
    assert faults(app) == []
    assert app.dataframe[0].value["text"].tolist() == ["кино", "ещё"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.xlsx", b"PK\x03\x04rubbish"), ("t.parquet", b"PAR1 no"), ("t.csv.gz", b"\x1f\x8bno"), ("t.bin", b"\x00\x01")],
)
def test_a_corrupted_upload_gives_one_box_and_no_traceback(bring, name, content):
    app = bring(name, content)
    assert len(app.error) == 1
    assert not app.exception
    assert "should not" not in app.error[0].value


def test_a_file_of_which_no_row_fits_gives_one_box_and_the_list(bring):
    app = bring("t.csv", b"text,label\n,a\nx,\n")
    (fault,) = faults(app)
    assert "None of the 2 rows fits" in fault
    assert len(rejected_of(app)) == 2


def test_half_of_a_character_is_rejected_and_shown(bring):
    rows = b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n{"text": "\\ud83d", "label": "x"}\n'
    app = bring("t.jsonl", rows)
    assert faults(app) == []
    assert rejected_of(app)["value"].tolist() == ["\\ud83d"]


def test_a_published_format_is_told_by_its_content(bring):
    app = bring("test.txt", b"(3 (2 It) (4 shines))\n(1 (2 It) (0 rots))\n")
    assert faults(app) == []
    assert "format sst" in said(app)


# What was understood, and what can be changed


def labels_of_raw(app):
    """The first rows' columns that are used under another name, as their headers have them."""
    config = json.loads(app.dataframe[0].proto.columns)
    return sorted(column["label"] for column in config.values() if " (" in (column.get("label") or ""))


def names_of_raw(app):
    return app.dataframe[0].value.columns.tolist()


def rows_of(text, label, n=9):
    return b"".join(b"%s %d,%s\n" % (text, i, label[i % len(label)]) for i in range(n))


def test_what_was_understood_is_one_sentence_and_columns_that_are_not_used_are_named(bring):
    rows = b"".join(b"%d,mail %d,%s,\n" % (i, i, [b"billing", b"other"][i % 2]) for i in range(9))
    app = bring("t.csv", b"ticket,body,queue,nothing\n" + rows + b"9,,other,\n")
    box(app, "label").set_value("queue").run()
    assert "Classification with 2 labels. Columns: text (body), label (queue). 9 of 10 rows fit." in said(app)
    assert "Columns not used: ticket." in said(app)
    assert names_of_raw(app) == ["row", "body", "queue", "ticket", "nothing"]
    assert labels_of_raw(app) == ["label (queue)", "text (body)"]
    assert "Text: mail" in app.code[-1].value


def test_the_file_without_a_header_gets_numbered_columns_or_names(bring):
    app = bring("t.csv", rows_of(b"It was film", [b"good", b"bad"]))
    assert "looks like data: if it is, choose “no header” under “Header”" in said(app)
    box(app, "Header").set_value("no header: number columns").run()
    assert names_of_raw(app) == ["row", "column 1", "column 2"]
    box(app, "Header").set_value("no header: name columns").run()
    field(app, "Column names").set_value("text, label").run()
    assert faults(app) == []
    assert counts(app)["Examples"] == "9"
    field(app, "Column names").set_value("text, text").run()
    (fault,) = faults(app)
    assert "different names" in fault
    field(app, "Column names").set_value("text, label, more").run()
    (fault,) = faults(app)
    assert "3 column names for rows of 2 cells" in fault


def test_a_header_in_another_row_and_another_delimiter_are_chosen(bring):
    rows = rows_of(b"film; long", [b"x", b"y"]).replace(b",", b"|")
    app = bring("t.csv", b"a;b\nnote;x\ntext|label\n" + rows)
    box(app, "Header").set_value("in another row").run()
    app.number_input[0].set_value(3).run()
    box(app, "Delimiter").set_value("bar |").run()
    assert faults(app) == []
    assert counts(app)["Examples"] == "9"


def test_a_sheet_is_chosen_by_its_name(bring):
    films = [["text", "label"], *([row["text"], row["label"]] for row in classification_rows(9))]
    app = bring("t.xlsx", xlsx({"Notes": [["note", "by"], ["one", "me"], ["two", "me"]], "Films": films}))
    assert "(“Part of the file”)" in said(app)
    assert box(app, "Part of the file").options == ["automatic", "Notes", "Films"]
    box(app, "Part of the file").set_value("Films").run()
    assert counts(app)["Examples"] == "9"


def test_one_of_several_lists_is_chosen_where_the_file_could_not_be_read(bring):
    content = {"train": classification_rows(9), "test": classification_rows(4), "about": "films"}
    app = bring("t.json", json.dumps(content).encode())
    (fault,) = faults(app)
    assert "2 lists of objects" in fault
    assert "“Part of the file”" in fault
    box(app, "Part of the file").set_value("test").run()
    assert faults(app) == []
    assert counts(app)["Examples"] == "4"


def test_two_texts_are_joined_or_the_second_is_the_context(bring):
    rows = [{"premise": f"Rain {i}.", "hypothesis": "It is wet.", "label": "nyx"[i % 3]} for i in range(9)]
    app = bring("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert box(app, "text").value == ["premise", "hypothesis"]
    assert "text (premise+hypothesis)" in said(app)
    assert "hypothesis: It is wet." in app.code[-1].value
    box(app, "text").set_value(["hypothesis"]).run()
    assert "Columns not used: premise." in said(app)
    box(app, "context").set_value(["premise"]).run()
    assert "Context: Rain" in app.code[-1].value
    assert labels_of_raw(app) == ["context (premise)", "text (hypothesis)"]


def test_labels_that_are_numbers_get_names(bring):
    app = bring("t.csv", b"text,label\n" + rows_of(b"film", [b"0", b"1"]))
    field(app, "Label names").set_value("0=negative,1=positive").run()
    assert faults(app) == []
    assert "negative" in app.code[-1].value
    field(app, "Label names").set_value("0=negative,1=positive,7=mixed").run()
    assert "No row has the label '7'." in said(app)
    field(app, "Label names").set_value("negative,positive").run()
    (fault,) = faults(app)
    assert "Not names of labels" in fault


def test_two_choices_are_filled_up_where_that_is_asked_for(bring):
    rows = [{"question": f"How {i}?", "choices": ["so", f"thus {i}"], "answer": "so"} for i in range(9)]
    app = bring("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    (fault,) = faults(app)
    assert "has 2 choices" in fault
    assert "“Fill up with neutral options”" in rejected_of(app)["accepted"][0]
    app.checkbox[0].check().run()
    assert faults(app) == []
    assert counts(app)["Examples"] == "9"
    assert "none of these" in app.code[-1].value


def test_texts_get_their_labels_and_these_their_names_from_further_files(bring):
    app = bring("train_text.txt", b"".join(b"film %d\n" % i for i in range(9)))
    assert len(faults(app)) == 1
    labels = ("labels.txt", b"0\n1\n2\n" * 3, "text/plain")
    app.file_uploader[1].set_value([labels]).run()
    assert faults(app) == []
    assert counts(app) == {"Rows": "9", "Examples": "9", "Rejected": "0", "Different texts": "9", "Labels": "3"}
    app.file_uploader[1].set_value([labels, ("mapping.txt", b"0\tsad\n1\tglad\n2\tmad\n", "text/plain")]).run()
    assert faults(app) == []
    assert "glad" in app.code[-1].value


def test_a_file_of_labels_that_is_not_used_says_so(bring):
    app = bring("t.csv", CSV)
    app.file_uploader[1].set_value([("labels.txt", b"0\n1\n", "text/plain")]).run()
    assert "The files of labels are not used" in said(app)


def test_the_column_of_tags_is_chosen(bring):
    words = [("Anna", "NOUN"), ("runs", "VERB"), ("home", "ADV"), ("now", "PART")]
    lines = [f"{i}\t{w}\t{w}\t{tag}\t_\t_\t0\troot\t_\t_" for i, (w, tag) in enumerate(words, start=1)]
    app = bring("t.conllu", ("\n".join(lines) + "\n\n" + "\n".join(lines).replace("Anna", "Otto") + "\n").encode())
    (fault,) = faults(app)
    assert "“Column of tags” 4" in fault
    number(app, "Column of tags").set_value(4).run()
    assert faults(app) == []
    assert counts(app)["Labels"] == "4"


def test_of_a_file_with_too_many_rows_a_sample_is_taken(bring):
    app = bring("t.csv", b"text,label\n" + rows_of(b"film", [b"x", b"y"], 100_001))
    (fault,) = faults(app)
    assert "a sample by seed (“Sample” 100000)" in fault.replace("\\", "")
    number(app, "Sample").set_value(50).run()
    assert faults(app) == []
    assert counts(app)["Rows"] == "50"
    assert "A sample of 50 of 100,001 rows, by seed 0" in said(app)


def field(app, label):
    return next(one for one in app.text_input if one.label == label)


def number(app, label):
    return next(one for one in app.number_input if one.label == label)


@pytest.mark.skipif("NEURONLLM_CASES" not in os.environ, reason="a folder of cases that the project does not hold")
def test_no_file_ends_in_a_traceback(bring):
    app = bring("t.csv", CSV)
    for path in sorted((Path(os.environ["NEURONLLM_CASES"]) / "data").iterdir()):
        app.file_uploader(key="data_upload").set_value((path.name, path.read_bytes(), "text/plain")).run()
        assert not app.exception, path.name
        assert "should not" not in said(app), path.name
        assert "data_use" in {button.key for button in app.button} or faults(app) or app.info, path.name


# Length of prompts


def long_rows(n_words):
    """Twelve rows, the fifth of so many words."""
    rows = [{"text": f"word {i} " * (n_words if i == 4 else 1), "label": "ab"[i % 2]} for i in range(12)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def tiny(checkpoint):
    return {"model_source": str(checkpoint("llama")), "model_device": "cpu"}


def wait_for(app, condition, seconds=60.0):
    """Runs the page again until the condition holds."""
    end = time.monotonic() + seconds
    while not condition(app) and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert condition(app)


def test_every_prompt_is_compared_with_the_models_context_without_being_asked(bring):
    app = bring("t.jsonl", long_rows(1))
    assert faults(app) == []
    assert "every prompt fits the context of SmolLM2-135M + multiple-choice adapter: 8,192 tokens" in said(app)


def test_prompts_too_long_for_the_model_are_rejected_with_the_other_rows(bring, checkpoint):
    app = bring("t.jsonl", long_rows(300), tiny(checkpoint))
    assert faults(app) == []
    assert "With the usual wording, every prompt fits the context of llama: 1,024 tokens" in said(app)
    assert counts(app)["Examples"] == "11"
    ((row, column, _, reason, accepted),) = rejected_of(app).values.tolist()
    assert (row, column, accepted) == (5, "text", "at most 1024 tokens")
    assert re.fullmatch(r"makes a prompt of \d+ tokens; the model's context is 1024", reason)
    assert app.button(key="data_use").label == "Use these 11 examples"


def test_where_all_prompts_are_too_long_the_list_says_so_and_there_is_no_way_on(bring, checkpoint):
    rows = [{"text": f"word {i} " * 700, "label": "ab"[i % 2]} for i in range(6)]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    app = bring("t.jsonl", content, tiny(checkpoint))
    (fault,) = faults(app)
    assert "No example is left" in fault
    assert "a model with a longer context" in fault
    assert len(rejected_of(app)) == 6
    assert "data_use" not in {button.key for button in app.button}


class StuckJobs:
    """Counts without end."""

    def __init__(self):
        self.cancelled = []

    def state(self, job):
        return JobState(1, 3, 12)

    def wait(self, job, seconds):
        # A page that waits is interrupted by the next press; here what it waits with ends the script.
        st.stop()

    def cancel(self, job):
        self.cancelled.append(job)


def test_counting_can_be_skipped_and_made_up_for(bring, checkpoint, monkeypatch):
    stuck = StuckJobs()
    engine = SimpleNamespace(jobs=stuck)
    with monkeypatch.context() as patch:
        patch.setattr("pages.shared.inputs.lengths.engine", lambda: engine)
        app = bring("t.jsonl", long_rows(300), tiny(checkpoint))
        assert "Counting tokens: 3 of 12 examples" in next(bar.proto.text for bar in app.get("progress"))
        app.button(key="data_skip_lengths").click().run()
        assert "Not checked: whether prompts with the usual wording fit the context of llama" in said(app)
        assert counts(app)["Examples"] == "12"
        assert len(stuck.cancelled) == 1
    app.button(key="data_check_lengths").click().run()
    wait_for(app, lambda app: counts(app).get("Examples") == "11")


class DeadJobs:
    """Its job failed some time ago; asked again it is carried out."""

    started = False

    def state(self, job):
        return JobState(1, 12, 12, ended=True, failure=None if self.started else RunError("the worker ended"))

    def start(self, job, spec):
        self.started = True
        Path(job.file).write_text('{"model": "llama", "limit": 1024, "counts": {}}')


def test_an_answer_of_an_earlier_count_does_not_keep_a_failed_one_from_being_asked_again(
    bring, checkpoint, monkeypatch
):
    dead = DeadJobs()
    monkeypatch.setattr("pages.shared.inputs.lengths.engine", lambda: SimpleNamespace(jobs=dead))
    jobs = []
    kept = pages_lengths._job

    def with_an_answer(reading, spec):
        job = kept(reading, spec)
        Path(job.file).write_text("{}")
        jobs.append(job)
        return job

    monkeypatch.setattr("pages.shared.inputs.lengths._job", with_an_answer)
    app = bring("t.jsonl", long_rows(300), tiny(checkpoint))
    assert faults(app) == []
    assert dead.started
    assert "fits the context of llama: 1,024 tokens" in said(app)


def test_rows_that_leave_too_few_answers_are_one_box(bring, checkpoint):
    rows = [{"question": f"What is {i}?", "answer": f"it {i}"} for i in range(4)]
    rows[2]["question"] = "What is two? " * 300
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    app = bring("t.jsonl", content, tiny(checkpoint))
    assert not app.exception
    (fault,) = faults(app)
    assert "not four" in fault


def test_a_model_that_is_not_there_leaves_the_rows_and_says_what_is_wrong(bring, tmp_path, checkpoint):
    half = shutil.copytree(checkpoint("llama"), tmp_path / "half", ignore=shutil.ignore_patterns("tokenizer*"))
    app = bring("t.jsonl", long_rows(300), {"model_source": str(half), "model_device": "cpu"})
    assert counts(app)["Examples"] == "12"
    (fault,) = faults(app)
    assert "tokenizer" in fault
    assert "Not checked" in said(app)
    assert app.button(key="data_check_lengths").label == "Try again"


def test_no_tokenizer_is_fetched_from_the_hub_unasked(bring, monkeypatch):
    def asked(*_):
        raise AssertionError("the worker was asked")

    monkeypatch.setattr("pages.shared.inputs.lengths._counted", asked)
    app = bring("t.jsonl", long_rows(1), {"model_source": "someone/unheard-of", "model_device": "cpu"})
    assert not app.exception
    assert "Its tokenizer would be fetched" in said(app)
    assert app.button(key="data_check_lengths").label == "Check the length of prompts"


# Paths


def by_path(open_page, path):
    app = open_page("data")
    app.segmented_control(key="data_source").set_value(PATH).run()
    return app.text_input(key="data_path").set_value(str(path)).run()


def test_a_path_below_the_root_is_read_and_one_outside_is_refused(open_page, tmp_path, monkeypatch):
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv(DATA_ROOT, str(root))
    write_jsonl(root / "mood.jsonl", classification_rows(9))
    outside = write_jsonl(tmp_path / "mood.jsonl", classification_rows(9))
    (root / "link.jsonl").symlink_to(outside)
    assert counts(by_path(open_page, "mood.jsonl"))["Examples"] == "9"
    for name in (outside, "../mood.jsonl", "link.jsonl"):
        app = by_path(open_page, name)
        (fault,) = faults(app)
        assert "outside of the folder that the app may read" in fault
    app = open_page("questions", {"task": str(outside)})
    (fault,) = faults(app)
    assert "outside of the folder" in fault


def test_no_path_is_read_where_others_can_open_the_app_and_no_root_is_named(open_page, tmp_path, monkeypatch):
    path = write_jsonl(tmp_path / "mood.jsonl", classification_rows(9))
    monkeypatch.delenv(DATA_ROOT, raising=False)
    monkeypatch.setattr("pages.shared.inputs.tasks.is_loopback", lambda address: False)
    app = open_page("data")
    app.segmented_control(key="data_source").set_value(PATH).run()
    assert DATA_ROOT in said(app)
    (fault,) = faults(open_page("questions", {"task": str(path)}))
    assert "can't be opened by their path here" in fault.replace("\\", "")


# The hub, and the demo mode


def test_the_hub_without_its_package_is_an_install_line_and_asks_no_network(open_page, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    app = open_page("data")
    app.segmented_control(key="data_source").set_value(HUB).run()
    assert faults(app) == []
    app.button(key="data_fetch").click().run()
    (fault,) = faults(app)
    assert "python -m pip install datasets" in fault.replace("\\", "")
    assert faults(app.run()) == []


def test_a_hub_dataset_named_in_the_sidebar_stays_one(open_page, monkeypatch):
    asked = []
    monkeypatch.setattr("neuron_core.tasks.load.read_hub", lambda name: asked.append(name))
    open_page("questions", {"task": "hub:sst"})
    assert asked[0] == "hub:sst"


def test_the_demo_mode_takes_no_files(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("NEURONLLM_DEMO_MODE", "1")
    app = open_page("data")
    assert faults(app) == []
    assert app.get("segmented_control") == []
    assert app.get("file_uploader") == []
    assert "it takes no files of visitors" in said(app)


@pytest.mark.parametrize("name", ["hub:sst", "mood.jsonl"])
def test_in_the_demo_mode_no_other_task_can_be_set(open_page, tmp_path, monkeypatch, name):
    monkeypatch.setenv("NEURONLLM_DEMO_MODE", "1")
    path = write_jsonl(tmp_path / "mood.jsonl", classification_rows(9))
    app = open_page("questions", {"task": name if name.startswith("hub") else str(path)})
    assert faults(app) == []
    assert app.selectbox(key="task").options == [f"{task} (bundled)" for task in bundled_tasks()]
    assert app.selectbox(key="task").value == "sentiment"
    assert "Task sentiment: 240 examples" in said(app)


def kept_mood(runs):
    """A task kept by an earlier visit."""
    task = load_task(str(write_jsonl(runs.parent / "mood.jsonl", classification_rows(40)))).task
    return keep(task, runs.parent / "tasks", "mood")


def test_a_kept_task_is_deleted_once_asked_and_a_bundled_one_is_not_offered(open_page, runs):
    path = kept_mood(runs)
    app = open_page("data", {"task": str(path)})
    with pytest.raises(KeyError):
        app.button(key=f"confirm_delete_{path.stem}")
    app.selectbox(key="data_at_hand").set_value(str(path)).run()
    assert path.is_file()
    app.button(key=f"confirm_delete_{path.stem}").click().run()
    assert faults(app) == []
    assert not path.exists()
    assert app.selectbox(key="data_at_hand").value == app.selectbox(key="task").value == "sentiment"
    assert not any("mood" in option for option in app.selectbox(key="data_at_hand").options)


def test_a_kept_task_is_renamed_where_it_is_seen(open_page, runs):
    path = kept_mood(runs)
    app = open_page("data", {"task": str(path)})
    app.selectbox(key="data_at_hand").set_value(str(path)).run()
    app.text_input(key=f"task_title_{path.stem}").set_value("Moods of May")
    next(button for button in app.button if button.label == "Rename").click().run()
    assert faults(app) == []
    assert "Moods of May" in app.sidebar.selectbox(key="task").options
    assert load_task(str(path)).task.name == "Moods of May"
    assert "Task Moods of May" in texts(app.switch_page("pages/questions.py").run())


def test_a_run_of_a_deleted_task_opens_and_says_what_it_can_do_no_more(open_page, runs, full, tiny_config, tiny_model):
    path = kept_mood(runs)
    made = RunFolder(runs / full.id)
    (made.path / "config.json").write_text(config_to_json(replace(tiny_config, task=str(path))), encoding="utf-8")
    app = open_page("data")
    app.selectbox(key="data_at_hand").set_value(str(path)).run()
    assert "Runs made from it: 1. They keep their questions and results." in said(app)
    app.button(key=f"confirm_delete_{path.stem}").click().run()
    for page in ("attribution", "layers", "control", "question", "runs"):
        app.switch_page(f"pages/{page}.py").run()
        assert faults(app) == []
    made.set_evaluation(replace(made.config(), evaluation=EvaluationConfig(examples=5, ks=(4,), random_seeds=0)))
    with pytest.raises(RunError, match=r"the task file of this run is not there.*kept again under the same name"):
        execute(made, lambda say: Engine.of(tiny_model("llama")))


def test_a_task_is_not_deleted_while_a_run_of_it_is_worked_on(open_page, runs, full, tiny_config, monkeypatch):
    path = kept_mood(runs)
    config = config_to_json(replace(tiny_config, task=str(path)))
    (full.path / "config.json").write_text(config, encoding="utf-8")
    app = open_page("data")
    app.selectbox(key="data_at_hand").set_value(str(path)).run()
    assert delete_popover(app).disabled is False
    monkeypatch.setattr(session, "is_active", lambda run_id: True)
    app.run()
    assert delete_popover(app).disabled is True
    assert "cancel it first" in delete_popover(app).help


def delete_popover(app):
    """What the browser is told of it; AppTest has no accessor for popovers."""
    found = [getattr(block.proto, "popover", None) for block in blocks_of(app.main)]
    return next(popover for popover in found if popover and popover.label == "Delete")


def blocks_of(node):
    for child in getattr(node, "children", {}).values():
        if isinstance(child, Block):
            yield child
            yield from blocks_of(child)


def test_a_deleted_task_that_another_tab_still_names_says_so(open_page, runs):
    path = kept_mood(runs)
    path.unlink()
    app = open_page("questions", {"task": str(path)})
    (fault,) = faults(app)
    assert "This kept task has been deleted" in fault
    assert "mood" in fault
