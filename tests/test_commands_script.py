"""scripts/commands.py with a tiny model: the first question lies between the start and the end of a command."""

import subprocess

import pytest

from commands import Timing, row, timing
from tests.builders import checkpoint

__all__ = ["checkpoint"]


def test_a_command_is_timed_to_its_first_question_and_to_its_end(checkpoint, tmp_path):
    options = ["--model", str(checkpoint("llama")), "--task", "sentiment", "--examples", "1"]
    found = timing(["attribute", *options], tmp_path / "run")
    assert 0 < found.first < found.whole
    assert 0 < found.first_processor < found.whole_processor


def test_a_command_that_fails_has_no_time(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        timing(["attribute", "--task", "no such task"], tmp_path / "run")


def test_a_row_has_the_median_and_the_range():
    times = [Timing(0.5, first, 4.0, 30.0, 50.0) for first in (3.0, 5.0, 4.0)]
    assert row("`demo`", times).split("|")[1:4] == [" `demo` ", " 0.5 (0.5 to 0.5) ", " 4.0 (3.0 to 5.0) "]
