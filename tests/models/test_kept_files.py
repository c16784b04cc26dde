"""The converted embedded model in the cache: used while it is what was made, made again when it is not."""

import errno
import json
import shutil

import pytest
from safetensors import SafetensorError

from neuron_core.errors import ModelError
from neuron_core.models import embedded, kept_files
from neuron_core.models.kept_files import CHECKED, NAME, is_whole, keep_states
from neuron_core.models.spec import PLAIN, ModelSpec, sha256_of


@pytest.fixture
def cache(monkeypatch, tmp_path, tiny_model):
    """`convert()` gives the folder and what was said; the source is small."""
    source = tmp_path / "weights.gguf"
    source.write_bytes(b"weights")
    monkeypatch.setenv("NEURONLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "embedded_gguf", lambda: source)
    monkeypatch.setattr(embedded, "EMBEDDED_SHA256", sha256_of(source))

    def convert():
        said = []
        loaded = tiny_model("llama")
        folder = embedded.converted_embedded(ModelSpec(PLAIN), said.append, lambda _: (loaded.model, loaded.tokenizer))
        return folder, said

    return convert


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


def swap(folder):
    (folder / "config.json").rename(folder / "x")
    (folder / "tokenizer_config.json").rename(folder / "config.json")
    (folder / "x").rename(folder / "tokenizer_config.json")


def in_place_of_it(folder, make):
    shutil.rmtree(folder)
    make(folder)


FAULTS = {
    "a flipped bit": lambda folder: flip(folder / "model.safetensors"),
    "a flipped bit in the tokenizer": lambda folder: flip(folder / "tokenizer.json"),
    "cut off": lambda folder: (folder / "model.safetensors").write_bytes(b"abc"),
    "emptied": lambda folder: (folder / "config.json").write_bytes(b""),
    "a file is gone": lambda folder: (folder / "tokenizer.json").unlink(),
    "a file more": lambda folder: (folder / "model.safetensors.index.json").write_text("{}"),
    "two files swapped": swap,
    "no hashes": lambda folder: (folder / NAME).unlink(),
    "hashes that are none": lambda folder: (folder / NAME).write_text("[1, 2]"),
    "hashes in another form": lambda folder: (folder / NAME).write_text('{"config.json": 3}'),
    "a folder for a file": lambda folder: (
        in_place_of_it(folder / "config.json", lambda path: path.mkdir())
        if (folder / "config.json").is_dir()
        else ((folder / "config.json").unlink(), (folder / "config.json").mkdir())
    ),
    "nothing in it": lambda folder: in_place_of_it(folder, lambda path: path.mkdir()),
    "a file for the folder": lambda folder: in_place_of_it(folder, lambda path: path.write_text("no model")),
    "a dangling link": lambda folder: in_place_of_it(folder, lambda path: path.symlink_to(path.parent / "nowhere")),
    "a link to itself": lambda folder: in_place_of_it(folder, lambda path: path.symlink_to(path)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_changed_folder_is_made_again(cache, fault):
    folder, said = cache()
    whole = contents(folder)
    assert "converting the embedded weights (once)" in said
    assert cache() == (folder, [])
    FAULTS[fault](folder)
    again, said = cache()
    assert again == folder
    assert any("converting" in one for one in said)
    assert contents(folder) == whole
    assert cache() == (folder, [])


def test_what_nobody_wrote_to_is_not_read_again_and_a_copy_once(cache, monkeypatch):
    folder, _ = cache()
    read = []
    monkeypatch.setattr(kept_files, "sha256_of", lambda path: (read.append(path.name), sha256_of(path))[1])
    assert is_whole(folder)
    assert read == []
    # What is written there later, and what a crash left, is no change.
    (folder / CHECKED).write_text("{}")
    (folder / f".{CHECKED}.0.part").write_text("{")
    assert is_whole(folder)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert is_whole(copy)
    assert sorted(read) == sorted(set(contents(folder)) - {CHECKED, f".{CHECKED}.0.part"})
    read.clear()
    assert is_whole(copy)
    assert read == []


def test_a_copy_that_can_not_be_written_to_is_whole_all_the_same(cache, monkeypatch):
    folder, _ = cache()
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)

    def refuse(path, content):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(kept_files, "replace_file", refuse)
    assert is_whole(copy)


def test_times_alone_do_not_hide_a_change(cache):
    folder, _ = cache()
    path = folder / "config.json"
    said = json.loads((folder / NAME).read_text())
    size = said["config.json"]["state"][0]
    path.write_bytes(path.read_bytes().replace(b"llama", b"lLama"))
    # All that a program can set is as before.
    said["config.json"]["state"][1:3] = [path.stat().st_ino, path.stat().st_mtime_ns]
    (folder / NAME).write_text(json.dumps(said))
    assert path.stat().st_size == size
    assert not is_whole(folder)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    ],
    ids=["disk", "safetensors", "permission"],
)
def test_a_cache_that_can_not_be_written_is_named_and_nothing_half_made_stays(
    cache, monkeypatch, tmp_path, tiny_model, error, said
):
    def refuse(folder):
        assert (folder / "model.safetensors").is_file()
        raise error

    monkeypatch.setattr(type(tiny_model("llama").tokenizer), "save_pretrained", lambda _, folder: refuse(folder))
    with pytest.raises(ModelError, match=said) as raised:
        cache()
    assert raised.value.where == str(tmp_path / "cache" / "models")
    assert "NEURONLLM_CACHE" in raised.value.accepted
    assert [path.suffix for path in (tmp_path / "cache" / "models").iterdir()] in ([], [".lock"])


def test_a_file_in_place_of_the_cache_is_named(cache, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(ModelError, match="the embedded model can't be converted"):
        cache()


def test_no_folder_is_not_whole(tmp_path):
    assert not is_whole(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    keep_states(tmp_path)
    assert is_whole(tmp_path)
