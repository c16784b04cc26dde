"""What the errors of other libraries become: a line that a user can act on."""

import json
import shutil

import pytest

from neuron_core.errors import ModelError
from neuron_core.models.loading import load_model
from neuron_core.models.reasons import MOST, reason_of
from neuron_core.models.spec import ModelSpec


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("attention_bias", None, "the value of attention_bias in its config.json is not accepted"),
        ("bos_token_id", "y" * 100_000, "the value of bos_token_id in its config.json is not accepted"),
        ("dtype", [1], "a value in one of its files is missing or of the wrong kind"),
        ("dtype", "x", "a value in one of its files is missing or of the wrong kind"),
    ],
    ids=["null", "long", "list", "unknown"],
)
def test_a_wrong_value_of_a_config(checkpoint, tmp_path, name, value, says):
    folder = tmp_path / "changed"
    shutil.copytree(checkpoint("llama"), folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(ModelError, match=f"the model can't be loaded: {says}") as found:
        load_model(ModelSpec(str(folder), device="cpu"))
    assert len(found.value.what) < 2 * MOST


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("its own words\nand more"), "its own words"),
        (ValueError("several are wrong:\n  this one"), "several are wrong: this one"),
        (OSError(), "OSError"),
        (RecursionError("maximum recursion depth exceeded"), "a file of it is nested too deep"),
        (KeyError("id"), "a value in one of its files is missing or of the wrong kind (KeyError: 'id')"),
    ],
    ids=["one line", "two lines", "nothing", "nested", "missing"],
)
def test_the_reason_is_one_line(error, says):
    assert reason_of(error) == says
