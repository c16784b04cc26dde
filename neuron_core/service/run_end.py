"""Records how a run ended in its folder, for runs whose worker could not. No torch."""

import logging
from dataclasses import replace

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

LOG = logging.getLogger(__name__)
CANCELLED = "Cancelled. What was finished is kept."


def end_run(run: RunFolder, state: str, message: str) -> None:
    """Writes the final state of a run, with an event."""
    run.event(state, message=message)
    run.write_status(replace(run.status(), state=state, message=message, eta_s=None))


def settle(store: Store, run_id: str, state: str, message: str) -> None:
    """Writes the final state of a run that no process works on any more. A run that already has a final state keeps
    it.
    """
    try:
        run = store.open(run_id)
        if run.status().state in ("queued", "interrupted"):
            end_run(run, state, message)
    except (NeuronCoreError, OSError):
        # A deleted folder or a full disk; the replies of other runs must still be read.
        LOG.exception("the end of run %s can't be written", run_id)
