"""What the first visitor of a server would wait for is done while the server starts: imports, and the lines of runs."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.store import Store, default_root
from neuron_core.runs.summary import summary_of
from pages.shared.frame.memory import settle

SHARED = Path(__file__).resolve().parent.parent
LATE = ("pandas.io.formats.style", "plotly.graph_objects", "pyarrow.parquet")
"modules that libraries import only when they are used"


def warm() -> Thread:
    """Begins, beside the server; gives the thread that does it."""
    thread = Thread(target=_warm, name="warm", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    parts = (path.relative_to(SHARED).with_suffix("").parts for path in sorted(SHARED.rglob("*.py")))
    for name in (*LATE, *(".".join(("pages", "shared", *part)) for part in parts)):
        import_module(name)
    # Pages say what can't be read.
    with suppress(NeuronCoreError):
        for run in Store(default_root()).runs():
            summary_of(run)
    settle()
