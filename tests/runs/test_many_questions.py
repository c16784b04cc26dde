"""A run of many questions reads each only when it is asked for. Files are those of any other run."""

import json
import pickle
from dataclasses import replace

import pytest

from neuron_core.errors import RunError
from neuron_core.runs import keys, setting
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.files import Seal, seal
from neuron_core.runs.keys import attribution_key
from neuron_core.runs.questions import make_setting
from neuron_core.runs.setting import ModelFacts, setting_to_json
from neuron_core.runs.store import Store
from neuron_core.runs.stored_questions import StoredQuestions
from tests.builders import classification_rows, write_jsonl

FACTS = ModelFacts("a model", "f" * 16, "llama", "float32", "cpu", 2, 500)
TRAPS = (
    '"attribution":[',
    '],"evaluation":[',
    '],"z":',
    '{"id":"',
    '"example_id":',
    'back\\slash "quote"',
    "日本語 \u2028",
)
"texts that contain what the file is split at"


@pytest.fixture
def run(tmp_path):
    rows = [{**row, "text": f"{row['text']} {TRAPS[i % len(TRAPS)]}"} for i, row in enumerate(classification_rows(48))]
    task = write_jsonl(tmp_path / '],"z":.jsonl', rows)
    return Store(tmp_path / "runs").create(RunConfig(task=str(task), evaluation=EvaluationConfig(examples=20)))


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(setting, "MANY", 1)


def test_each_question_is_what_was_written_whatever_its_text(run, many):
    made = make_setting(run.config(), FACTS)
    run.save_setting(made)
    found = run.setting()
    assert isinstance(found.attribution, StoredQuestions)
    assert isinstance(found.evaluation, StoredQuestions)
    assert found == made
    for stored, own in ((found.attribution, made.attribution), (found.evaluation, made.evaluation)):
        assert (len(stored), list(stored)) == (len(own), list(own))
        assert [stored[place] for place in range(-len(own), len(own))] == [*own, *own]
        assert (stored[2:9:3], stored[-1:]) == (own[2:9:3], own[-1:])
        assert pickle.loads(pickle.dumps(stored)) == stored
        assert stored != own[1:]
        assert stored != (*own[1:], own[0])
        with pytest.raises(IndexError):
            stored[len(own)]
    assert setting_to_json(replace(found, keys=made.keys)) == setting_to_json(made)


def test_without_an_evaluation_there_are_no_questions_of_it(run, many):
    made = replace(make_setting(run.config(), FACTS), evaluation=())
    run.save_setting(made)
    assert (len(run.setting().evaluation), run.setting() == made) == (0, True)


def test_few_questions_and_json_of_another_spacing_are_read_at_once(run, many, monkeypatch):
    made = make_setting(run.config(), FACTS)
    run.save_setting(made)
    path = run.path / "setting.json"
    whole = path.read_bytes()
    said = json.loads(whole)
    said.pop("sealed")
    path.write_bytes(seal(json.dumps(said, indent=1), Seal(run.marks.run, run.marks.format)))
    assert isinstance(run.setting().attribution, tuple)
    assert run.setting() == made
    path.write_bytes(whole)
    monkeypatch.setattr(setting, "MANY", 1000)
    assert isinstance(run.setting().attribution, tuple)


def test_the_key_of_the_scores_is_kept_and_is_the_one_that_the_questions_give(run, many, monkeypatch):
    made, config = make_setting(run.config(), FACTS), run.config().attribution
    run.save_setting(made)
    wanted = attribution_key(made, config)
    monkeypatch.setattr(keys, "_key", lambda *_: pytest.fail("the questions were read"))
    found = run.setting()
    assert attribution_key(found, config) == wanted
    monkeypatch.undo()
    # Another setting is another key, and so is another model.
    other = replace(config, steps=8)
    assert attribution_key(found, other) == attribution_key(made, other) != wanted
    model = replace(FACTS, fingerprint="0" * 16)
    assert attribution_key(replace(found, model=model), config) == attribution_key(replace(made, model=model), config)


def test_a_key_is_never_taken_over_to_other_questions(run):
    made, config = make_setting(run.config(), FACTS), run.config().attribution
    run.save_setting(made)
    less = replace(run.setting(), attribution=made.attribution[1:])
    run.save_setting(less)
    assert attribution_key(run.setting(), config) == attribution_key(
        replace(made, attribution=made.attribution[1:]), config
    )


def test_a_changed_byte_in_a_question_is_found_at_once(run, many):
    run.save_setting(make_setting(run.config(), FACTS))
    path = run.path / "setting.json"
    data = bytearray(path.read_bytes())
    data[data.index(b"number 7")] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match="its checksum is wrong"):
        run.setting()
