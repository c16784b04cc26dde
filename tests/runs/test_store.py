"""Run folders: everything comes back as it was written, and broken files are named."""

import fcntl
import shutil
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.interventions import grid
from neuron_core.control.metrics import evaluate
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ModelError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import blind_shares, option_places
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.questions import make_setting
from neuron_core.runs.run_folder import RunFolder, RunStatus
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import Store

FACTS = ModelFacts("tiny", "0123456789abcdef", "llama", "float32", "cpu", 2, 40)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def run(store, task_file):
    return store.create(RunConfig(task=str(task_file), evaluation=EvaluationConfig(examples=2)))


def some_scores() -> AttributionScores:
    values = np.random.default_rng(0)
    return AttributionScores(
        question_id="abc#1",
        targets=("ace", "tn"),
        ig=values.standard_normal((2, 2, 5), dtype=np.float32),
        neurons=values.standard_normal((2, 5), dtype=np.float32),
        baseline=values.random(2, dtype=np.float32),
        zeroed=values.random((2, 2), dtype=np.float32),
        letter_probabilities=np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32),
        guard=1e-8,
    )


def some_ranking() -> NeuronRanking:
    neurons = np.array([[0, 3], [1, 2], [1, 4], [0, 1]], dtype=np.int32)
    scores = np.array([2.5, 0.5, -0.5, -1.5], dtype=np.float32)
    return NeuronRanking(neurons, scores, n_ambiguous=3, n_layers=2, n_neurons=5, z=2)


def assert_same_fields(one, other):
    assert vars(one).keys() == vars(other).keys()
    for name, value in vars(one).items():
        assert np.array_equal(value, vars(other)[name]), name
        assert np.asarray(value).dtype == np.asarray(vars(other)[name]).dtype, name


def test_scores_come_back_as_they_were_written(run):
    run.save_scores(7, some_scores())
    assert run.scored() == {7}
    assert_same_fields(run.scores(7), some_scores())


def test_a_ranking_comes_back_as_it_was_written(run):
    assert run.ranking() is None
    run.save_ranking(some_ranking())
    assert_same_fields(run.ranking(), some_ranking())


def test_config_and_setting_come_back_as_they_were_written(run, store):
    setting = make_setting(run.config(), FACTS)
    assert run.setting() is None
    run.save_setting(setting)
    assert store.open(run.id).setting() == setting
    assert store.open(run.id).config() == run.config()
    assert len(setting.evaluation) == 6


def test_probabilities_and_evaluation_come_back_as_they_were_written(run):
    setting = make_setting(run.config(), FACTS)
    run.save_setting(setting)
    plan = grid(some_ranking(), ks=(2,), ratios=(0.5,))
    values = np.random.default_rng(1).dirichlet(np.ones(4), (6, 1 + len(plan))).astype(np.float32)
    for number in range(6):
        assert run.probabilities() is None
        run.save_probabilities(number, values[number])
    found = run.probabilities()
    wanted = OptionProbabilities(
        values,
        np.array([q.target for q in setting.evaluation], dtype=np.int8),
        np.array([0, 0, 0, 1, 1, 1], dtype=np.int32),
        tuple(q.id for q in setting.evaluation),
        option_places(setting.evaluation),
        # Three labels, and a neutral option.
        1 / 3,
        blind_shares(setting.evaluation),
    )
    assert_same_fields(found, wanted)
    assert run.evaluation() is None
    evaluation = evaluate(found, plan)
    run.save_evaluation(evaluation)
    assert run.evaluation() == evaluation


def test_a_new_run_is_queued_and_a_written_status_comes_back(run):
    assert run.status().state == "queued"
    status = RunStatus("done", "attribution", 3, 15, "a word", 5.0, 0.0, {"loading": 1.5}, 2.5)
    run.write_status(status)
    found = run.status()
    assert found.updated > 0
    assert replace(found, updated=0.0) == status


def test_a_running_run_that_nobody_works_on_is_interrupted(run, store):
    run.write_status(RunStatus("running", "attribution", 1, 15, eta_s=3.0))
    assert run.status().state == "interrupted"
    assert run.status().eta_s is None
    with run.held():
        assert store.open(run.id).status().state == "running"
    assert store.open(run.id).status().state == "interrupted"


def test_a_held_run_is_not_held_twice(run, store):
    with (
        run.held(),
        pytest.raises(RunError, match="another process works on this run"),
        store.open(run.id).held(),
    ):
        pass
    with store.open(run.id).held():
        pass


def refuse(error):
    def acquire(*_, **__):
        raise error

    return acquire


REFUSALS = [
    PermissionError(13, "Permission denied"),
    OSError(37, "No locks available"),
    NotImplementedError("no locks"),
]


@pytest.mark.parametrize("error", REFUSALS, ids=["permission", "no locks", "no such call"])
@pytest.mark.parametrize("ask", [RunFolder.is_held, RunFolder.is_claimed])
def test_a_lock_that_may_not_be_written_still_says_whether_a_process_has_it(run, monkeypatch, error, ask):
    run.write_status(RunStatus("running"))
    with run.held(), run.claim():
        monkeypatch.setattr(FileLock, "acquire", refuse(error))
        assert ask(RunFolder(run.path))
        assert RunFolder(run.path).status().state == "running"
    assert not ask(RunFolder(run.path))
    assert RunFolder(run.path).status().state == "interrupted"


@pytest.mark.parametrize("error", REFUSALS, ids=["permission", "no locks", "no such call"])
def test_where_locks_can_not_be_asked_the_error_says_so_and_nobody_may_take_the_run(run, store, monkeypatch, error):
    run.write_status(RunStatus("running"))
    with run.held(), run.claim():
        other = RunFolder(run.path)
        with monkeypatch.context() as patch:
            patch.setattr(FileLock, "acquire", refuse(error))
            patch.setattr(fcntl, "flock", refuse(error))
            for ask in (other.is_held, other.is_claimed, other.status):
                with pytest.raises(RunError, match=f"can't be found out .* {getattr(error, 'strerror', error)}"):
                    ask()
            for take in (lambda: other.held().__enter__(), other.claim, lambda: store.delete(run.id)):
                with pytest.raises((RunError, NotImplementedError)):
                    take()
    assert run.path.exists()


def test_half_written_files_are_ignored(run, store):
    run.save_scores(0, some_scores())
    run.save_scores(3, some_scores(), apart=True)
    halves = [run.path / name for name in ("scores/.1.npz.0a.part", ".evaluation.json.1b.part", ".status.json.2c.part")]
    for path in halves:
        path.write_bytes(b"PK\x03\x04half")
    with (run.path / "scores.units").open("ab") as file:
        file.write(b"\x93NU2half of a record")
    assert run.scored() == {0, 3}
    assert run.ranking() is None
    assert run.evaluation() is None
    assert run.status().state == "queued"
    run.save_scores(1, some_scores())
    assert run.scored() == {0, 1, 3}
    assert_same_fields(store.open(run.id).scores(1), some_scores())
    run.clean()
    assert not any(path.exists() for path in halves)


@pytest.mark.parametrize("length", [0, 3, 200, -40])
def test_a_truncated_result_file_is_named(run, length):
    run.save_scores(0, some_scores(), apart=True)
    path = run.path / "scores" / "0.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RunError, match=r"damaged.*0\.npz"):
        run.scores(0)


def test_a_broken_status_is_named(run):
    (run.path / "status.json").write_text('{"state": "run')
    with pytest.raises(RunError, match=r"a file of this run is damaged.*status\.json"):
        run.status()


def test_an_unknown_run_name_gives_the_known_ones(store, run):
    with pytest.raises(RunError, match=run.id):
        store.open("nothing")


def test_an_unknown_run_name_in_an_empty_store_says_so(store):
    with pytest.raises(RunError, match="none yet"):
        store.open("nothing")


def test_a_run_opens_by_id_and_by_path_and_runs_are_newest_first(store, run, tmp_path):
    later = store.root / "99990101-000000-later-0000"
    store.create(run.config(), later)
    assert store.open(run.id).path == store.open(run.path).path == run.path
    assert [found.id for found in store.runs()] == [later.name, run.id]


def test_an_output_folder_with_something_in_it_is_refused(store, run, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    assert store.create(run.config(), folder).path == folder
    with pytest.raises(RunError, match="not empty"):
        store.create(run.config(), folder)


def test_a_folder_without_a_config_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"config\.json"):
        RunFolder(tmp_path)


def test_an_event_that_a_crash_cut_off_spoils_no_other(run):
    run.event("stage", stage="loading")
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"time": 1.0, "ev')
    assert [event["event"] for event in run.events()] == ["stage"]
    run.event("done", message="")
    assert [event["event"] for event in run.events()] == ["stage", "done"]


def test_another_evaluation_is_made_beside_the_one_before_and_takes_its_place_when_it_is_whole(run):
    run.save_scores(0, some_scores())
    run.save_probabilities(0, np.full((3, 4), 0.25, dtype=np.float32))
    before, other = run.config(), replace(run.config(), evaluation=EvaluationConfig(examples=3))
    run.set_evaluation(other)
    assert run.config() == before
    assert run.evaluated() == {0}
    due = run.pending()
    assert due.config() == other
    assert due.evaluated() == set()
    assert due.scored() == {0}
    run.adopt(due.evaluation_folder)
    assert run.config() == other
    assert run.evaluated() == set()
    assert run.pending() is None
    assert not (run.path / "evaluation.units").exists()


def test_a_finished_run_with_another_evaluation_due_can_be_resumed(run, store):
    run.write_status(replace(run.status(), state="done"))
    run.set_evaluation(replace(run.config(), evaluation=EvaluationConfig(examples=3)))
    assert store.open(run.id).status().state == "interrupted"
    assert "Another evaluation" in run.status().message


def test_a_label_is_kept_beside_the_run_in_one_line(tmp_path):
    run = Store(tmp_path).create(RunConfig("ner"))
    assert run.label() == ""
    run.set_label("  second\n try ")
    assert Store(tmp_path).open(run.id).label() == "second try"
    with pytest.raises(RunError, match="label of 81 characters"):
        run.set_label("x" * 81)


def test_a_deleted_run_is_gone_with_its_folder(tmp_path):
    store = Store(tmp_path)
    run, other = store.create(RunConfig("ner")), store.create(RunConfig("mood"))
    store.delete(run.id)
    assert [left.id for left in store.runs()] == [other.id]
    assert not run.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == [other.id]


def test_a_run_that_somebody_works_on_is_not_deleted(tmp_path):
    store = Store(tmp_path)
    run = store.create(RunConfig("ner"))
    with run.held(), pytest.raises(RunError, match="another process works on this run"):
        Store(tmp_path).delete(run.id)
    assert run.path.exists()


def test_a_run_outside_of_the_store_is_not_deleted_by_its_path(tmp_path):
    outside = Store(tmp_path / "store").create(RunConfig("ner"), tmp_path / "outside")
    with pytest.raises(RunError, match="only runs of the store"):
        Store(tmp_path / "store").delete(str(outside.path))
    assert outside.path.exists()


def test_a_folder_of_runs_that_can_not_be_read_is_named(store, run, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("neuron_core.runs.store.os.scandir", refuse)
    with pytest.raises(RunError, match=r"the folder of runs can't be read: Permission denied.*NEURONLLM_RUNS"):
        store.runs()


def test_where_a_file_lies_no_run_is_made(tmp_path):
    (tmp_path / "file").write_text("x")
    for name in ("file", "file/run", "x" * 300):
        with pytest.raises(RunError, match="Accepted: a"):
            Store(tmp_path / "runs").create(RunConfig("ner"), tmp_path / name)
    with pytest.raises(RunError, match="Accepted: a folder"):
        Store(tmp_path / "file").create(RunConfig("ner"))
    with pytest.raises(RunError, match="Not a directory"):
        Store(tmp_path / "file").runs()


def test_every_run_that_is_listed_opens_by_its_id(store, run):
    odd = [
        "a b",
        "\u65e5\u672c",
        "-rf",
        "x" * 250,
        "a\\b",
        "a\nb",
        "\x1b[31m",
        "%2e%2e",
        "\u202eevil",
        ".hidden",
        "bad\udcff",
    ]
    for name in odd:
        shutil.copytree(run.path, store.root / name)
    listed = [one.id for one in store.runs()]
    assert {run.id, "a b", "\u65e5\u672c", "-rf"} < set(listed)
    assert [store.inside(name).id for name in listed] == listed
    "".join(listed).encode()


def test_a_new_run_with_a_revision_that_has_no_effect_is_refused_and_an_old_one_opens(store, run):
    with pytest.raises(ModelError, match="only a hub model has revisions"):
        store.create(replace(run.config(), model=ModelSpec("embedded", "v2")))
    run.write_config(replace(run.config(), model=ModelSpec("embedded", "v2")))
    assert store.open(run.id).config().model.revision == "v2"
