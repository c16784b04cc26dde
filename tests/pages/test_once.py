"""What a page lists is read once while it is drawn, and again for the next page."""

import pytest

from pages.shared.frame import once as module
from pages.shared.frame.once import once, reading


def test_a_page_reads_once_and_the_next_one_reads_again():
    found = []
    for _ in range(2):
        with reading():
            assert once("a", lambda: found.append(1) or len(found)) == once("a", lambda: found.append(1) or len(found))
    assert len(found) == 2


def test_what_is_asked_for_outside_of_a_page_is_read_each_time():
    found = []
    once("a", lambda: found.append(1))
    once("a", lambda: found.append(1))
    assert len(found) == 2


def test_a_failure_is_not_kept():
    def fail():
        raise OSError("disk")

    with reading():
        with pytest.raises(OSError, match="disk"):
            once("a", fail)
        assert once("a", lambda: 3) == 3


def test_the_lines_of_different_runs_are_different_ones(monkeypatch):
    monkeypatch.setattr(module.summary, "summary_of", lambda run: run.path)
    runs = [type("Run", (), {"path": name}) for name in ("a", "b", "a")]
    with reading():
        assert [module.summary_of(run) for run in runs] == ["a", "b", "a"]
