"""Files of a run: sealed, verified when read, written whole, and errors of the disk in words."""

import errno
import json

import pytest

from neuron_core.errors import RunError
from neuron_core.runs import files
from neuron_core.runs.files import Seal, seal, unseal, write_file

MARKS = Seal("0123456789abcdef", 2)


@pytest.mark.parametrize("text", ["{}", '{"a": 1}', '{\n "a": {"b": "}"}\n}\n', '{"ü": "\\u2028"}'])
def test_a_sealed_object_is_json_and_comes_back(text, tmp_path):
    data = seal(text, MARKS)
    assert json.loads(data)["sealed"]["run"] == MARKS.run
    body, marks = unseal(data, tmp_path)
    assert json.loads(body) == json.loads(text)
    assert marks == MARKS


def test_every_flipped_bit_of_a_sealed_file_is_found(tmp_path):
    data = bytearray(seal('{"k": 100, "acc": 0.25}', MARKS))
    for at in range(len(data) - 1):
        for bit in range(8):
            data[at] ^= 1 << bit
            try:
                body, marks = unseal(bytes(data), tmp_path)
                # Without the word `sealed` it is a file without a seal: a run of today refuses it for that.
                assert (marks, json.loads(body)) == (MARKS, {"k": 100, "acc": 0.25}) or not marks.run, (at, bit)
            except (RunError, ValueError):
                pass
            data[at] ^= 1 << bit


@pytest.mark.parametrize("size", [0, 1, 10, -2, -30])
def test_a_truncated_file_is_no_sealed_one(size, tmp_path):
    data = seal('{"k": 100}', MARKS)[:size]
    try:
        body, marks = unseal(data, tmp_path)
    except RunError:
        return
    assert not marks.run
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra|utf"):
        json.loads(body)


def test_a_file_of_a_newer_version_says_so(tmp_path):
    with pytest.raises(RunError, match="newer version"):
        unseal(seal("{}", Seal("a", files.FORMAT + 1)), tmp_path)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "this may not be written"),
        (errno.EROFS, "this may not be written"),
        (errno.ENOENT, "the folder of this file is gone"),
        (errno.EIO, "the disk refuses"),
    ],
)
def test_an_error_of_the_disk_is_said_in_words_and_leaves_no_half_file(number, said, tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_file(path, b"before")

    class Refusing(files.Disk):
        def sync(self, path):
            raise OSError(number, "refused")

    monkeypatch.setattr(files, "disk", Refusing())
    with pytest.raises(RunError, match=said):
        write_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["status.json"]
