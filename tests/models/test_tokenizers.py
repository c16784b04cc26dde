"""What a tokenizer of a model's author may do: fail, but not take the program with it, and not fill the memory."""

import json
import re
import shutil

import pytest

from neuron_core.errors import ModelError
from neuron_core.models.letters import encode
from neuron_core.models.loading import load_model, load_tokenizer
from neuron_core.models.spec import ModelSpec
from neuron_core.models.tokenizers import MOST_GROWTH, check_made, decode, tokenizer_errors, tokenizer_files

BACKTRACKS = r"(\w+\s?)*$x"
TENFOLD = {"type": "Replace", "pattern": {"String": "x"}, "content": "x" * 10}


@pytest.fixture
def changed(checkpoint, tmp_path):
    """`changed(part, value)`: a model whose tokenizer.json has another part."""

    def change(part, value):
        folder = tmp_path / "changed"
        shutil.copytree(checkpoint("llama"), folder)
        path = folder / "tokenizer.json"
        said = json.loads(path.read_text())
        said[part] = value
        path.write_text(json.dumps(said))
        return ModelSpec(str(folder), device="cpu")

    return change


def test_a_pattern_that_never_ends_is_a_model_error(changed):
    split = {"type": "Split", "pattern": {"Regex": BACKTRACKS}, "behavior": "Isolated", "invert": False}
    tokenizer, _ = load_tokenizer(changed("pre_tokenizer", split))
    with pytest.raises(ModelError, match="the model's tokenizer fails: Onig: Regex search error"):
        encode(tokenizer, "a word and an extra word " * 20)


class PanicException(BaseException):
    """As that of the Rust code, which can't be imported."""


def test_a_decoder_that_panics_is_a_model_error_too():
    class Panics:
        def decode(self, token_ids):
            raise PanicException(f"no {token_ids}")

    with pytest.raises(ModelError, match=r"the model's tokenizer fails: no \[1\]"):
        decode(Panics(), [1])


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
@pytest.mark.parametrize(("part", "parts"), [("normalizer", "normalizers"), ("decoder", "decoders")])
def test_replacements_that_fill_the_memory_are_refused(changed, load, part, parts):
    spec = changed(part, {"type": "Sequence", parts: [TENFOLD] * 12})
    with pytest.raises(ModelError, match="can make a text 1,000,000,000,000 times longer"):
        load(spec)


@pytest.mark.parametrize(("times", "fits"), [(3, True), (4, False)])
def test_a_text_may_grow_so_much_and_no_more(changed, times, fits):
    assert MOST_GROWTH == 1000
    inner = {"type": "Sequence", "normalizers": [TENFOLD] * (times - 1)}
    spec = changed("normalizer", {"type": "Sequence", "normalizers": [inner, {"type": "NFC"}, TENFOLD]})
    if fits:
        tokenizer, _ = load_tokenizer(spec)
        assert len(encode(tokenizer, "x")) > len(encode(tokenizer, "y"))
    else:
        with pytest.raises(ModelError, match="10,000 times longer"):
            load_tokenizer(spec)


def test_tokenizers_without_replacements_or_without_rust_are_taken(tiny_model):
    for family in ("llama", "gpt2", "gemma2"):
        check_made(tiny_model(family).tokenizer, family)
    check_made(object(), "a tokenizer in Python")


def test_what_is_no_failure_of_the_tokenizer_goes_through():
    with pytest.raises(KeyboardInterrupt), tokenizer_errors():
        raise KeyboardInterrupt
    with pytest.raises(ModelError, match="own words"), tokenizer_errors():
        raise ModelError("own words")
    with pytest.raises(ModelError, match="the model's tokenizer fails: ValueError"), tokenizer_errors():
        raise ValueError


PYTHONS_OWN = "object has no attribute|not subscriptable|not iterable|is not an instance|cannot be interpreted"


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((), None),
        ((), 7),
        ((), "x"),
        ((), [1]),
        ((), {}),
        (("model",), None),
        (("version",), None),
        (("added_tokens",), None),
        (("added_tokens", 0), None),
        (("added_tokens", 0, "id"), [1]),
        (("added_tokens", 0, "special"), "x"),
        (("normalizer",), 7),
        (("pre_tokenizer", "type"), None),
    ],
    ids=str,
)
def test_whatever_stands_in_tokenizer_json_the_file_is_named(checkpoint, tmp_path, load, place, value):
    folder = tmp_path / "changed"
    shutil.copytree(checkpoint("llama"), folder)
    path = folder / "tokenizer.json"
    root = {"root": json.loads(path.read_text())}
    at = root
    for step in ("root", *place[:-1]) if place else ():
        at = at[step]
    at[place[-1] if place else "root"] = value
    path.write_text(json.dumps(root["root"]))
    with pytest.raises(ModelError, match=r"the model can't be loaded: tokenizer\.json is damaged: ") as found:
        load(ModelSpec(str(folder), device="cpu"))
    assert found.value.where == str(folder)
    assert not re.search(PYTHONS_OWN, str(found.value))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("added_tokens_decoder", None, "its tokenizer can't be read: a value in one of its files is missing or of the"),
        ("tokenizer_class", [], "its tokenizer can't be read: a value in one of its files is missing or of the"),
        ("chat_template", [1], "its tokenizer can't be read: a value in one of its files is missing or of the"),
        ("model_max_length", "x", "the tokenizer's model_max_length is 'x'"),
        ("model_max_length", [], r"the tokenizer's model_max_length is '\[\]'"),
    ],
)
def test_a_wrong_value_in_tokenizer_config_json_is_said_in_plain_words(checkpoint, tmp_path, name, value, says):
    folder = tmp_path / "changed"
    shutil.copytree(checkpoint("llama"), folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(ModelError, match=says):
        load_tokenizer(ModelSpec(str(folder), device="cpu"))


def test_a_tokenizer_that_needs_a_package_is_no_damaged_file(tmp_path):
    with pytest.raises(ImportError), tokenizer_files(tmp_path):
        raise ImportError("needs a package")
    with pytest.raises(ValueError, match="trust_remote_code"), tokenizer_files(tmp_path):
        raise ValueError("set trust_remote_code=True")
    with pytest.raises(KeyboardInterrupt), tokenizer_files(tmp_path):
        raise KeyboardInterrupt
