"""The cards of Control."""

from streamlit.testing.v1 import AppTest


def undefined_card() -> None:
    from types import SimpleNamespace

    from pages.shared.views.control_result import card

    row = SimpleNamespace(ratio=0.5, rcc=None, rcc_interval=None)
    card(SimpleNamespace(row=row, random=None), "rcc")  # type: ignore[arg-type]


def test_a_measure_that_divides_by_zero_says_so_once():
    app = AppTest.from_function(undefined_card).run()
    assert not app.exception
    assert [one.value for one in app.metric] == ["undefined"]
    assert [one.value for one in app.caption] == [
        "It is a change in percent of the unmodified model's comprehension, which is 0 here."
    ]
    assert [one.value for one in app.markdown] == []
