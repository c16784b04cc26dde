"""The findings about one neuron on disk, and the jobs that make them."""

from contextlib import suppress
from typing import Any

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.neuron_findings import What, finding_of, findings_folder
from neuron_core.runs.run_folder import RunFolder
from neuron_core.service.jobs import NeuronJob
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard

MOST_EXAMPLES = 1000


def job_of(run: RunFolder, layer: int, index: int, what: What, examples: int = MOST_EXAMPLES) -> NeuronJob:
    """The job that measures it; what it finds is kept in the store, also where the run itself is only read."""
    folder = findings_folder(engine().store, run)
    return NeuronJob(what, str(run.path.resolve()), str(folder.resolve()), layer, index, examples)


def found_of(run: RunFolder, layer: int, index: int, what: What) -> Any:
    """What is on disk; a damaged file is said, and may be asked for anew."""
    with guard():
        return finding_of(engine().store, run, layer, index, what)
    return None


def finding_or_none(run: RunFolder, layer: int, index: int, what: What) -> Any:
    """The same where a damaged file is said elsewhere on the page."""
    with suppress(NeuronCoreError):
        return finding_of(engine().store, run, layer, index, what)
    return None
