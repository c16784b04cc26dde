"""Texts from files on a terminal: they are printed as they are, and command nothing."""

import io

import pytest
from rich.console import Console

from neuron_core import terminal
from neuron_core.runs.run_folder import RunStatus

NAME = "a[/b] [red]r[/red] :smile: $x$ \x1b[2J\x1b]0;title\x07 \x9b31m \r[link=https://evil.example]l[/link]"
SHOWN = NAME.replace("\x1b", "\\x1b").replace("\x07", "\\x07").replace("\x9b", "\\x9b").replace("\r", "\\x0d")


@pytest.fixture
def printed(monkeypatch):
    """What a terminal without colours gets."""
    file = io.StringIO()
    settings = {"emoji": terminal.errors._emoji, "force_terminal": True, "color_system": None, "width": 300}
    monkeypatch.setattr(terminal, "errors", Console(file=file, **settings))
    return file.getvalue


def test_a_message_is_printed_as_it_is(printed):
    terminal.say(NAME, style="red")
    assert SHOWN in printed()


def test_a_result_commands_no_terminal(capsys):
    terminal.emit({"name": NAME}, False, lambda result: f"{result['name']}\n\tsecond line")
    assert capsys.readouterr().out == f"{SHOWN}\n\tsecond line\n"


def test_a_status_line_and_bars_show_any_text(printed):
    with terminal.stage_line() as show:
        show(NAME)
    assert SHOWN in printed()
    with terminal.progress_bars() as bars:
        terminal.stage_bars(bars)(RunStatus("running", "attribution", 1, 2, NAME))
    assert printed().count(SHOWN) >= 2
