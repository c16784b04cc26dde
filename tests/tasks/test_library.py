"""Kept tasks: written once, found from any folder; and which paths may be read."""

import errno
import os
from pathlib import Path

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.export import write_file
from neuron_core.tasks.library import discard, keep, kept_tasks, kept_title, retitle, within
from neuron_core.tasks.load import load_task
from tests.builders import classification_rows, write_jsonl


@pytest.fixture
def task(tmp_path):
    return load_task(str(write_jsonl(tmp_path / "mood.jsonl", classification_rows(9)))).task


def test_a_kept_task_is_the_same_task_under_a_readable_name(task, tmp_path, monkeypatch):
    path = keep(task, tmp_path / "new" / "tasks", "My films, 2nd try!")
    assert path.name.startswith("My films, 2nd try-")
    assert kept_title(path) == "My films, 2nd try!"
    monkeypatch.chdir("/")
    again = load_task(str(path))
    assert again.task.name == "My films, 2nd try!"
    assert (again.rejected, again.task.fingerprint, again.task.labels) == ((), task.fingerprint, task.labels)


def test_a_task_is_called_as_it_was_named_whatever_signs_a_file_may_have(task, tmp_path):
    folder = tmp_path / "tasks"
    for name in ("客户服务工单（第二季度）：退款", "Films: good / bad?", "a\nb\0c"):
        path = keep(task, folder, name)
        assert kept_title(path) == load_task(str(path)).task.name == "".join(name.replace("\n", " ").split("\0"))
        assert not set("（）：？/?:").intersection(path.name)
        discard(path, folder)
    assert list(folder.iterdir()) == []


def test_only_a_file_that_keeps_a_task_is_called_by_its_title(task, tmp_path):
    path = keep(task, tmp_path / "tasks", "films")
    other = path.with_name("rows-202401011200.jsonl")
    other.write_bytes(path.read_bytes())
    assert load_task(str(other)).task.name == "rows-202401011200"


def test_another_title_leaves_the_file_where_it_is(task, tmp_path):
    folder = tmp_path / "tasks"
    path = keep(task, folder, "films")
    retitle(path, folder, "  My  best films ")
    assert kept_tasks(folder) == (path,)
    assert kept_title(path) == "My best films"
    assert load_task(str(path)).task.name == "My best films"
    for other, title in ((tmp_path / "mood.jsonl", "a"), (path, "  ")):
        with pytest.raises(TaskError):
            retitle(other, folder, title)
    discard(path, folder)
    assert list(folder.iterdir()) == []


def test_the_same_examples_are_one_file_and_others_another(task, tmp_path):
    path = keep(task, tmp_path / "tasks", "a")
    before = path.stat().st_mtime_ns
    assert keep(task, tmp_path / "tasks", "a") == path
    assert path.stat().st_mtime_ns == before
    other = load_task(str(write_jsonl(tmp_path / "o.jsonl", classification_rows(6)))).task
    assert keep(other, tmp_path / "tasks", "a") != path
    assert len(list((tmp_path / "tasks").iterdir())) == 2


@pytest.mark.parametrize("title", ["", "  ", "../..", "/etc/passwd", "a" * 300, "кино", "\0"])
def test_any_title_makes_a_file_in_the_folder(task, tmp_path, title):
    path = keep(task, tmp_path / "tasks", title)
    assert path.parent == tmp_path / "tasks"
    assert kept_tasks(tmp_path / "tasks") == (path,)


def test_kept_tasks_are_listed_newest_first_and_nothing_else_is(task, tmp_path):
    folder = tmp_path / "tasks"
    assert kept_tasks(folder) == ()
    paths = [keep(task, folder, title) for title in ("one", "two", "three")]
    for age, path in enumerate(paths):
        os.utime(path, (1000 - age, 1000 - age))
    (folder / "notes.jsonl").write_text("{}")
    assert kept_tasks(folder) == tuple(paths)


def test_a_folder_that_can_not_be_written_is_said(task, tmp_path):
    (tmp_path / "tasks").write_text("a file")
    with pytest.raises(TaskError, match="the task can't be kept"):
        keep(task, tmp_path / "tasks", "a")


def test_only_paths_below_the_root_are_allowed(tmp_path):
    root = tmp_path / "data"
    (root / "deep").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    assert within(str(root / "deep" / "t.csv"), root, "ROOT") == root / "deep" / "t.csv"
    for name in (
        str(tmp_path / "t.csv"),
        str(root / ".." / "t.csv"),
        str(root / "out" / "t.csv"),
        str(root) + "2/t.csv",
    ):
        with pytest.raises(TaskError, match=r"outside of the folder.*set by ROOT"):
            within(name, root, "ROOT")
    for name in ("~nobody-here/t.csv", "a\0b"):
        with pytest.raises(TaskError, match="not the path of a file"):
            within(name, root, "ROOT")


def test_a_kept_task_is_deleted_and_nothing_else_is(task, tmp_path):
    folder = tmp_path / "tasks"
    one, other = keep(task, folder, "one"), keep(task, folder, "other")
    discard(one, folder)
    assert kept_tasks(folder) == (other,)
    for path in (one, tmp_path / "mood.jsonl", folder / ".." / "mood.jsonl"):
        with pytest.raises(TaskError, match="no such task is kept"):
            discard(path, folder)
    assert (tmp_path / "mood.jsonl").is_file()


@pytest.mark.parametrize("when", ["write_bytes", "replace"])
def test_a_full_disk_loses_no_title_and_leaves_no_half_file(task, tmp_path, monkeypatch, when):
    folder = tmp_path / "tasks"
    path = keep(task, folder, "Films: good / bad?")
    before = {one.name: one.read_bytes() for one in folder.iterdir()}

    def full(self, *_):
        if when == "write_bytes":
            self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, when, full)
        for act in (lambda: retitle(path, folder, "Another"), lambda: keep(task, folder, "Third: 3")):
            with pytest.raises(TaskError, match="No space left"):
                act()
        with pytest.raises(TaskError, match="No space left"):
            write_file(path, b"half")
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before
    assert kept_title(path) == "Films: good / bad?"


def test_what_is_written_for_a_user_goes_through_links_and_into_pipes(tmp_path):
    (tmp_path / "there.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "there.csv")
    write_file(tmp_path / "link.csv", b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "there.csv").read_bytes() == b"new"
    write_file(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()


def test_what_is_no_file_in_the_folder_of_tasks_hides_none_of_the_others(task, tmp_path):
    folder = tmp_path / "tasks"
    path = keep(task, folder, "Films")
    (folder / "gone-000000000000.jsonl").symlink_to(tmp_path / "nothing")
    (folder / "zero-111111111111.jsonl").symlink_to("/dev/zero")
    (folder / "folder-222222222222.jsonl").mkdir()
    os.mkfifo(folder / "pipe-333333333333.jsonl")
    Path(os.fsdecode(bytes(folder) + b"/bad\xff-444444444444.jsonl")).write_text("{}")
    assert kept_tasks(folder) == (path,)
