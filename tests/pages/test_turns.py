"""Pages take turns: one at a time, in the order in which they were asked for, and none keeps the others for long."""

from threading import Event, Thread

import pytest

from pages.shared.frame import turns
from tests.run_helpers import wait_until


def begin(work, began=None):
    """A thread that takes its turn for `work`."""

    def run():
        if began is not None:
            began.set()
        with turns.turn():
            work()

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread


def in_queue():
    """Pages that wait behind the next one; None without a next one."""
    return None if turns._next._value else len(turns._next._cond._waiters)


@pytest.fixture
def long(monkeypatch):
    """A page keeps the next one for as long as it takes."""
    monkeypatch.setattr(turns, "LONGEST_S", 60.0)


def test_one_page_at_a_time_in_the_order_of_asking(long):
    order, inside, most = [], [], []
    first, may_end = Event(), Event()

    def holds():
        first.set()
        assert may_end.wait(60)

    threads = [begin(holds)]
    assert first.wait(60)

    def page(number):
        inside.append(number)
        most.append(len(inside))
        order.append(number)
        inside.remove(number)

    for number in range(8):
        threads.append(begin(lambda number=number: page(number)))
        # The first of them is next, the others wait behind it.
        wait_until(lambda n=number: in_queue() == n, f"page {number} in the queue")
    assert order == []
    may_end.set()
    for thread in threads:
        thread.join(60)
    assert order == list(range(8))
    assert max(most) == 1


def test_a_page_that_takes_long_keeps_none_of_the_others_for_longer_than_said(monkeypatch):
    monkeypatch.setattr(turns, "LONGEST_S", 0.05)
    held, may_end, done = Event(), Event(), []

    def holds():
        held.set()
        assert may_end.wait(60)

    slow = begin(holds)
    assert held.wait(60)
    others = [begin(lambda number=number: done.append(number)) for number in range(5)]
    for other in others:
        other.join(60)
    assert sorted(done) == list(range(5))
    assert slow.is_alive()
    may_end.set()
    slow.join(60)


def test_a_page_that_fails_gives_its_turn_on(long):
    with pytest.raises(ValueError, match="page"), turns.turn():
        raise ValueError("page")
    done = []
    begin(lambda: done.append(1)).join(60)
    assert done == [1]
