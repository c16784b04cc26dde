from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from neuron_core.control.results import GridRow
from neuron_core.runs.results import Cell
from neuron_core.runs.run_folder import RunStatus
from pages.shared.frame.guard import plain
from pages.shared.views.words import between, change, duration, effect_badge, progress, shortened, size
from tests.figures import rows

ROW = GridRow(10, 0.5, "enhancer", "last", "task", 5, 5, 0.5, 0.5, 1.0, 0.0, (0.0, 2.0), None, 0.5, {"A": 1.0}, "ok")


@pytest.mark.parametrize(
    ("value", "said"),
    [(4.25, "+4.2%"), (-12.0, "−12.0%"), (0.0, "0.0%"), (-0.04, "0.0%"), (None, "undefined")],
)
def test_a_change_keeps_its_sign_unless_it_is_nothing(value, said):
    assert change(value) == said


def test_a_long_text_ends_at_a_word_and_says_that_it_goes_on():
    assert shortened("one two three", 20) == "one two three"
    assert shortened("one two three", 9) == "one two …"
    assert shortened("客户服务工单", 3) == "客户服 …"


def test_both_ends_of_an_interval_are_said_once_in_percent():
    assert between(-2.0, 3.5) == "−2.0 to +3.5%"
    assert between(0.01, -0.02) == "0.0%"
    assert between(None, None) == "undefined"


@pytest.mark.parametrize(
    ("rac", "interval", "random", "word"),
    [
        (1.2, (-8.5, 10.2), (0.0, 2.5), "Not distinguishable from random"),
        (-2.2, (-7.0, 0.0), (-1.0, 1.0), "Not distinguishable from random"),
        (20.3, (13.8, 26.1), (-0.8, 0.8), "Clear effect, beyond random"),
        (20.3, (13.8, 26.1), (-0.8, 14.0), "Not distinguishable from random"),
        (20.3, (13.8, 26.1), None, "Clear effect"),
        (-20.0, (-25.0, -12.0), (-3.0, 3.0), "Against the intention"),
        (-20.0, (-25.0, -12.0), (-13.0, 3.0), "Not distinguishable from random"),
        (None, None, (0.0, 0.0), "Undefined"),
    ],
)
def test_a_badge_knows_the_interval_and_the_random_sets(rac, interval, random, word):
    row = replace(ROW, rac=rac, rac_interval=interval)
    beside = None if random is None else rows.random_row(4, 0.5, rac=(random[0], sum(random) / 2, random[1]))
    assert f"[{word}]" in effect_badge(Cell(row, beside, rows.best(4)))


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (59.4, "59 s"), (61, "1 min 1 s"), (4200, "1 h 10 min")])
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("n_bytes", "said"), [(538e6, "538 MB"), (1.25e9, "1.2 GB"), (2048, "0.1 MB")])
def test_sizes(n_bytes, said):
    assert size(n_bytes) == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (RunStatus("queued"), "Waiting for its turn"),
        (RunStatus("running"), "Starting …"),
        (RunStatus("running", "loading", message="loading weights"), "Loading the model: loading weights"),
        (RunStatus("running", "attribution", 0, 15), "Attribution: 0 of 15 questions"),
        (RunStatus("running", "evaluation", 2, 9, eta_s=30.2), "Evaluation: 2 of 9 questions, about 30 s left"),
    ],
)
def test_progress_in_words(status, said):
    assert progress(status) == said


def test_no_sign_of_markdown_survives_in_a_message():
    assert plain("a_b *c* [d](e) <f> $g$ :red[h]") == (r"a\_b \*c\* \[d\]\(e\) \<f\> \$g\$ \:red\[h\]")


def test_a_message_begins_with_a_capital_but_an_address_stays_as_it_is():
    def boxes():
        from pages.shared.frame.guard import error_box

        error_box("http://127.0.0.1:9 can't be reached")
        error_box("the file is empty", details="the second line")

    first, second = (
        box.value.replace("\\", "").replace("\u2060", "") for box in AppTest.from_function(boxes).run().error
    )
    assert first == "**http://127.0.0.1:9 can't be reached**"
    assert second == "**The file is empty**\n\nThe second line"


def test_text_of_a_file_becomes_neither_markdown_nor_a_link():
    said = plain("**b** [a](b) $x$ :red[a] https://evil.example www.evil.example me@evil.example")
    assert "https:\u2060" in said.replace("\\", "")
    assert "www\u2060" in said
    assert "me@\u2060" in said
    assert all(f"\\{sign}" in said for sign in "*[]$:")
