"""What a tokenizer of a model's author may do: fail, but not take the program with it, and not fill the memory."""

import json
import shutil

import pytest

from neuron_core.errors import ModelError
from neuron_core.models.letters import encode
from neuron_core.models.loading import load_model, load_tokenizer
from neuron_core.models.spec import ModelSpec
from neuron_core.models.tokenizers import MOST_GROWTH, check_growth, decode, tokenizer_errors

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
        check_growth(tiny_model(family).tokenizer, family)
    check_growth(object(), "a tokenizer in Python")


def test_what_is_no_failure_of_the_tokenizer_goes_through():
    with pytest.raises(KeyboardInterrupt), tokenizer_errors():
        raise KeyboardInterrupt
    with pytest.raises(ModelError, match="own words"), tokenizer_errors():
        raise ModelError("own words")
    with pytest.raises(ModelError, match="the model's tokenizer fails: ValueError"), tokenizer_errors():
        raise ValueError
