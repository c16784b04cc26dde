"""Every kind of damage in a run folder is found, said by file, set aside, and computed again by a resume."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuron_core.cni.sets import set_of, to_json
from neuron_core.control.findings import NeuronTokens
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.runs.config import SetUse
from neuron_core.runs.files import seal, unseal
from neuron_core.runs.neuron_findings import findings_folder, read_finding, save_finding
from neuron_core.runs.repair import AGAIN, LOST, repair, verify
from neuron_core.runs.results import read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_helpers import assert_equal_results, tiny_config

NO_RESULT = (".lock", ".queued", "events.jsonl")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    run = Store(tmp_path_factory.mktemp("whole")).create(tiny_config(task_file, checkpoint("llama")))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    run.set_label("a label")
    return run


@pytest.fixture(scope="module")
def other(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    """A run of another seed: every file of it looks right."""
    run = Store(tmp_path_factory.mktemp("other")).create(tiny_config(task_file, checkpoint("llama"), seed=1))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    run.set_label("another label")
    return run


def names(run: RunFolder) -> list[str]:
    found = [path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()]
    return sorted(name for name in found if name not in NO_RESULT)


def everything(run: RunFolder) -> object:
    """All that pages and reports read of a run."""
    return (
        run.config(),
        run.status(),
        run.label(),
        run.setting(),
        run.passes(),
        run.evaluation(),
        run.side_effects(),
        read_attribution(run),
        read_evaluated(run),
        list(run.examples()),
        [run.scores(number) for number in range(12)],
    )


def truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def emptied(data: bytes) -> bytes:
    return b""


def flipped(data: bytes) -> bytes:
    found, at = bytearray(data), len(data) // 2
    found[at] ^= 4
    return bytes(found)


def digit(data: bytes) -> bytes:
    """A digit that is another one: still JSON where the file is JSON."""
    places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
    at = places[len(places) // 2]
    return data[:at] + (b"7" if data[at : at + 1] != b"7" else b"3") + data[at + 1 :]


def newer(data: bytes) -> bytes:
    return data.replace(b'"format": 2', b'"format": 9') if b'"format": 2' in data else flipped(data)


@pytest.mark.parametrize("spoil", [truncated, emptied, flipped, digit, newer, "swapped"])
def test_damage_of_every_file_is_found_said_and_mended_by_a_resume(spoil, whole, other, tmp_path, tiny_model):
    assert verify(whole) == []
    # A label is any text: it can't be told from another.
    for place, name in enumerate(one for one in names(whole) if one != "label.txt"):
        copy = RunFolder(shutil.copytree(whole.path, tmp_path / str(place) / whole.id))
        path = copy.path / name
        same = isinstance(spoil, Callable)
        path.write_bytes(spoil(path.read_bytes()) if same else (other.path / name).read_bytes())
        found = verify(copy)
        assert found, name
        assert any(name in (one.file, f"scores/{one.file}") or one.file.endswith(".units") for one in found), name
        lost = name == "config.json"
        if lost:
            assert all(one.mend == LOST for one in found) or not same
            with pytest.raises(NeuronCoreError):
                everything(copy)
            continue
        repair(copy)
        if copy.status().state != "done":
            execute(copy, lambda _: Engine.of(tiny_model("llama")))
        assert verify(copy) == [], name
        assert_equal_results(copy, whole)


def test_no_number_of_a_damaged_file_is_ever_given(whole, tmp_path):
    """Forty changed digits or bits a file: what is read is what was written, or an error that names the file."""
    draw = np.random.default_rng(7)
    copy = RunFolder(shutil.copytree(whole.path, tmp_path / whole.id))
    wanted = repr(everything(copy))
    silent = []
    for name in [one for one in names(copy) if one != "label.txt"]:
        path = copy.path / name
        data = path.read_bytes()
        for _ in range(12):
            spoilt, at = bytearray(data), int(draw.integers(len(data)))
            spoilt[at] ^= 1 << int(draw.integers(8))
            path.write_bytes(spoilt)
            try:
                if repr(everything(RunFolder(copy.path))) != wanted:
                    silent.append((name, at))
            except NeuronCoreError as error:
                if not error.where:
                    silent.append((name, at))
        path.write_bytes(data)
    assert silent == []


def test_a_run_of_which_the_label_is_no_text_is_named_and_loses_its_label_alone(whole, tmp_path):
    copy = RunFolder(shutil.copytree(whole.path, tmp_path / whole.id))
    (copy.path / "label.txt").write_bytes(b"caf\xe9")
    with pytest.raises(NeuronCoreError, match=r"not UTF-8.*label\.txt"):
        copy.label()
    assert [one.file for one in repair(copy)] == ["label.txt"]
    assert (copy.label(), copy.status().state) == ("", "done")


def test_thinned_scores_whose_examples_are_lost_are_attributed_again(tmp_path, task_file, checkpoint, tiny_model):
    config = tiny_config(task_file, checkpoint("llama"))
    thin = replace(config, attribution=replace(config.attribution, keep_bytes=0))
    run = Store(tmp_path).create(thin)
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert not run.has_whole_scores()
    assert not list((run.path / "scores").glob("*"))
    before = RunFolder(shutil.copytree(run.path, tmp_path / "before"))
    data = bytearray((run.path / "examples.units").read_bytes())
    data[len(data) // 2] ^= 1
    (run.path / "examples.units").write_bytes(data)
    assert repair(run)
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert_equal_results(run, before)


def test_json_of_a_run_stays_json_for_other_programs(whole):
    for path in [path for path in Path(whole.path).rglob("*.json")]:
        assert isinstance(json.loads(path.read_bytes()), dict), path


def test_a_finding_about_a_neuron_is_sealed_like_every_file_of_its_run(whole, tmp_path):
    run = RunFolder(shutil.copytree(whole.path, tmp_path / whole.path.name))
    folder = findings_folder(Store(run.path.parent), run)
    found = NeuronTokens(promoted=(), suppressed=(), write_norm=1.5, layer_norm=2.0)
    save_finding(folder, 0, 3, "tokens", found)
    assert read_finding(folder, 0, 3, "tokens") == found
    assert verify(run) == []
    (path,) = folder.glob("*.json")
    path.write_bytes(path.read_bytes().replace(b"1.5", b"2.5"))
    with pytest.raises(RunError, match="its checksum is wrong"):
        read_finding(folder, 0, 3, "tokens")
    assert [one.mend for one in verify(run)] == [AGAIN]


@pytest.fixture(scope="module")
def rich(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    """A run with two of everything: methods, neuron sets, evaluations, neurons that were looked at."""
    tmp_path = tmp_path_factory.mktemp("rich")
    config, methods = tiny_config(task_file, checkpoint("llama")), ("ace", "tn")
    config = replace(config, attribution=replace(config.attribution, methods=methods))
    first = Store(tmp_path).create(config)
    execute(first, lambda _: Engine.of(tiny_model("llama")))
    uses, model = [], first.setting().model
    for name in methods:
        path, ranking = tmp_path / f"{name}.json", first.ranking(name)
        path.write_text(to_json(set_of(ranking, 4, name=name, task="t", method=name, model=model, config={})))
        uses.append(SetUse(str(path), f"set-{name}"))
    run = Store(tmp_path).create(replace(config, sets=tuple(uses)))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    earlier = {path: path.read_bytes() for path in run.path.glob("*.json")}
    with run.held():
        run.set_evaluation(replace(run.config(), evaluation=replace(run.config().evaluation, ks=(2, 3))))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    for path in earlier.keys() - set(run.path.glob("*.json")):
        # As a backup brings it back.
        path.write_bytes(earlier[path])
    for index in (1, 2):
        found = NeuronTokens(promoted=(), suppressed=(), write_norm=float(index), layer_norm=2.0)
        save_finding(run.path / "neurons", 0, index, "tokens", found)
    return run


UNITS = ("scores.units", "examples.units", "evaluation.units")


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("other", [*UNITS, "sums.npz", "plan.json"])
def test_units_of_another_kind_are_named_set_aside_and_computed_again(name, other, whole, tmp_path, tiny_model):
    if name == other:
        return
    run = RunFolder(shutil.copytree(whole.path, tmp_path / whole.path.name))
    alien = (run.path / other).read_bytes()
    (run.path / name).write_bytes(alien)
    with pytest.raises(NeuronCoreError, match=name):
        everything(RunFolder(run.path))
    found = verify(run)
    assert name in {one.file for one in found}
    assert {one.mend for one in found} == {AGAIN}
    repair(run)
    assert run.status().state == "interrupted"
    assert alien in [path.read_bytes() for path in (run.path / ".damaged").iterdir()]
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert verify(run) == []
    assert_equal_results(run, whole)


@pytest.mark.parametrize("kind", [".json", ".npz", ".units"])
def test_no_file_of_a_run_is_taken_for_another_of_its_files(rich, kind):
    """Every file in the place of every other: of another method, set, neuron or evaluation, or of another purpose."""
    assert verify(rich) == []
    wanted, taken = told(rich), []
    paths = sorted(rich.path.rglob(f"*{kind}"))
    contents = {path: path.read_bytes() for path in paths}
    for path in paths:
        for other in paths:
            if contents[other] == contents[path]:
                continue
            path.write_bytes(contents[other])
            try:
                if told(RunFolder(rich.path)) != wanted:
                    taken.append((path.relative_to(rich.path), other.relative_to(rich.path)))
            except NeuronCoreError as error:
                if not error.where:
                    taken.append((path, other))
        verify(RunFolder(rich.path))
        path.write_bytes(contents[path])
    assert taken == []


def told(run: RunFolder) -> str:
    """Everything that pages read of a run, with every number of its arrays."""
    found = [read_finding(run.path / "neurons", 0, index, "tokens") for index in (1, 2)]
    arrays = [run.loudness(), run.kept_checks(), run.sums(), *run.rankings().values(), run.means()]
    numbers = [{name: np.asarray(one).tolist() for name, one in vars(part).items()} for part in arrays[1:-1]]
    many = [list(run.examples()), [run.scores(number) for number in range(12)], run.probabilities()]
    for one in (one for part in many[:2] for one in part):
        parts = one.values() if isinstance(one, dict) else [one]
        numbers += [{name: np.asarray(value).tobytes() for name, value in vars(part).items()} for part in parts]
    numbers.append({"p": np.asarray(many[2].values).tobytes()})
    rest = [run.config(), run.status(), run.setting(), run.evaluation(), run.side_effects(), run.passes()]
    return repr([*rest, run.sets(), run.plan_key(), found, numbers, np.asarray(arrays[0]).tolist()])


def test_a_finding_of_a_run_that_was_deleted_meanwhile_makes_no_folder(whole, tmp_path):
    run = RunFolder(shutil.copytree(whole.path, tmp_path / "runs" / whole.path.name))
    folder = findings_folder(Store(run.path.parent), run)
    found = NeuronTokens(promoted=(), suppressed=(), write_norm=1.5, layer_norm=2.0)
    shutil.rmtree(run.path)
    with pytest.raises(RunError):
        save_finding(folder, 0, 3, "tokens", found)
    assert not run.path.exists()


def strange(path: Path, kind: str, outside: Path) -> None:
    """Puts something in the place of a file."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            here = os.getcwd()
            # The address of a socket may not be long.
            os.chdir(path.parent)
            try:
                made.bind(path.name)
            finally:
                os.chdir(here)
    else:
        path.symlink_to({"link": outside, "dangling link": outside.with_name("nothing"), "device": "/dev/zero"}[kind])


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")
@pytest.mark.parametrize("kind", ["pipe", "socket", "link", "dangling link", "device"])
@pytest.mark.parametrize(
    "name",
    ["scores.units", "examples.units", "evaluation.units", "sums.npz", "setting.json", "events.jsonl", "rankings"],
)
def test_what_is_no_file_is_named_neither_waited_for_nor_written_through(name, kind, whole, tmp_path, tiny_model):
    run = RunFolder(shutil.copytree(whole.path, tmp_path / whole.path.name))
    outside = tmp_path / "outside"
    outside.mkdir() if name == "rankings" else outside.write_bytes(b"mine")
    before = sorted(tmp_path.rglob("outside*"))
    strange(run.path / name, kind, outside)
    assert [(one.file, one.mend) for one in verify(run)] == [(name, AGAIN)]
    if name == "events.jsonl":
        with pytest.raises(RunError, match="not a file"):
            run.event("note")
    repair(run)
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert verify(run) == []
    assert_equal_results(run, whole)
    assert sorted(tmp_path.rglob("outside*")) == before
    assert list(outside.iterdir()) == [] if name == "rankings" else outside.read_bytes() == b"mine"


@pytest.mark.timeout(60)
def test_a_status_or_label_that_is_no_file_or_has_an_absurd_size_is_an_error_with_its_name(whole, tmp_path):
    run = RunFolder(shutil.copytree(whole.path, tmp_path / whole.path.name))
    for name, read in (("status.json", run.status), ("label.txt", run.label), ("setting.json", run.setting)):
        content = (run.path / name).read_bytes()
        with (run.path / name).open("wb") as file:
            # It takes no room on the disk.
            file.truncate(1 << 40)
        with pytest.raises(RunError, match="bytes") as found:
            read()
        assert found.value.where == str(run.path / name)
        strange(run.path / name, "pipe", tmp_path)
        with pytest.raises(RunError, match="not a file"):
            read()
        (run.path / name).unlink()
        (run.path / name).write_bytes(content)


def test_a_question_without_a_correct_option_is_named(whole, tmp_path):
    run = RunFolder(shutil.copytree(whole.path, tmp_path / whole.path.name))
    body, marks = unseal((run.path / "setting.json").read_bytes(), run.path / "setting.json")
    said = json.loads(body)
    for option in said["evaluation"][2]["options"]:
        option["correct"] = False
    (run.path / "setting.json").write_bytes(seal(json.dumps(said), marks))
    with pytest.raises(NeuronCoreError, match="no correct option"):
        run.probabilities()


@pytest.mark.parametrize("kind", ["lost", "cut off", "folder"])
@pytest.mark.parametrize("name", ["setting.json", "means.npz", "plan.json", "evaluation.units", "evaluation.json"])
def test_every_file_of_a_later_evaluation_is_computed_again(name, kind, rich_again, tmp_path, tiny_model):
    run = RunFolder(shutil.copytree(rich_again.path, tmp_path / "run"))
    path = run.results / name
    assert path.is_file()
    cut = path.read_bytes()[:20]
    path.unlink()
    if kind == "folder":
        path.mkdir()
        (path / "file").write_text("x")
    elif kind == "cut off":
        path.write_bytes(cut)
    if (name, kind) not in (("means.npz", "lost"), ("plan.json", "lost")):
        assert f"{run.results.name}/{name}" in [one.file for one in verify(run)]
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert verify(run) == []
    assert_equal_results(run, rich_again)
    assert run.setting() == rich_again.setting()


@pytest.fixture(scope="module")
def rich_again(tmp_path_factory, whole, tiny_model, one_thread) -> RunFolder:
    """A run whose second evaluation silences neurons to their means."""
    run = RunFolder(shutil.copytree(whole.path, tmp_path_factory.mktemp("again") / "run"))
    config = run.config()
    assert config.evaluation
    run.set_evaluation(replace(config, evaluation=replace(config.evaluation, silence="mean", examples=5)))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run
