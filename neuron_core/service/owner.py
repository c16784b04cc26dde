"""Who asks: the session of the app that calls the handle, and what it may do to which run. No torch."""

from contextvars import ContextVar

from neuron_core.runs.run_folder import RunFolder
from neuron_core.service.permissions import OF_OTHERS, Permissions

OWNER: ContextVar[str] = ContextVar("owner", default="")
"a random name of the session; empty outside the app"
EVALUATE = "evaluate"
"what `why_not` can be asked for besides the actions"


class Owners:
    """The sessions that began the runs of a handle since the server started. The handle has its lock whenever it calls
    a method.
    """

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._owners: dict[str, str] = {}
        "run id → the session that began the run, or its last evaluation"
        self._of_others: set[str] = set()
        "runs that were resumed by another session than the one that began them"

    def begin(self, run_id: str) -> None:
        """Notes that the session that asks has begun the run, or an evaluation of it."""
        self._owners[run_id] = OWNER.get()
        self._of_others.discard(run_id)

    def resume(self, run_id: str) -> None:
        """Notes that the session that asks has resumed the run."""
        if not self._is_own(run_id):
            self._of_others.add(run_id)

    def of_others(self, run_id: str) -> bool:
        """Whether the run was resumed by another session than the one that began it."""
        return run_id in self._of_others

    def check(self, action: str, run_id: str = "") -> None:
        """RunError if the session that asks may not do this to the run."""
        if not self._may(action, run_id):
            self._permissions.check(action, run_id)

    def check_evaluate(self, run: RunFolder) -> None:
        """RunError if the session that asks may not evaluate the run."""
        for action in _needed_to_evaluate(run):
            self.check(action, run.id)

    def why_not(self, action: str, run: RunFolder | None = None) -> str:
        """Why the session that asks may not do this to the run, in words; empty if it may.

        action: one of `permissions.ACTIONS`, or EVALUATE. Whether the state of the run allows it is not asked.
        """
        wanted = _needed_to_evaluate(run) if run is not None and action == EVALUATE else [action]
        run_id = run.id if run is not None else ""
        return next((self._permissions.why_not(one) for one in wanted if not self._may(one, run_id)), "")

    def _is_own(self, run_id: str) -> bool:
        return bool(OWNER.get()) and self._owners.get(run_id) == OWNER.get()

    def _may(self, action: str, run_id: str) -> bool:
        return (action in OF_OTHERS and self._is_own(run_id)) or self._permissions.may(action)


def _needed_to_evaluate(run: RunFolder) -> list[str]:
    """The actions that an evaluation of this run amounts to. None for the first one of a run that is done."""
    if run.config().evaluation is not None or run.pending() is not None:
        return ["replace"]
    return [] if run.status().state == "done" else ["resume"]
