"""Shows the progress of `neuron_core.run` in a notebook or on a terminal. No torch."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from neuron_core.notebook.summary import as_text
from neuron_core.runs.run_folder import RunStatus
from neuron_core.terminal import errors, progress_bars, stage_bars

Watch = Callable[[RunStatus], None]


@contextmanager
def shown_progress(wanted: bool) -> Iterator[Watch | None]:
    """Yields a function that shows a run's status: one updated line in a notebook, bars on a terminal.

    It shows nothing if the output goes elsewhere. Yields None if progress is not wanted.
    """
    if not wanted:
        yield None
    elif errors.is_jupyter:
        yield _notebook_line()
    else:
        with progress_bars() as bars:
            yield stage_bars(bars)


def _notebook_line() -> Watch:
    from IPython.display import HTML, display

    shown = display(HTML(""), display_id=True)

    def show(status: RunStatus) -> None:
        shown.update(HTML(as_text(status_html(status))))

    return show


def status_html(status: RunStatus) -> str:
    """One line of HTML: the stage and, if its length is known, a bar, the count and the time left."""
    if status.state in ("done", "cancelled", "failed"):
        return f"<div>{html.escape(status.state)}</div>"
    stage = html.escape(status.message or status.stage)
    if not status.total:
        return f"<div>{stage} …</div>"
    left = "" if status.eta_s is None else f", about {status.eta_s:.0f} s left"
    bar = f'<progress value="{status.done}" max="{status.total}"></progress>'
    return f"<div>{stage} {bar} {status.done} of {status.total}{left}</div>"
