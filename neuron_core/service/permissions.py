"""What visitors of the app may do. Pages, handle and worker all ask this list. No torch.

If only this machine can open the app, everything is allowed. In demo mode (NEURONLLM_DEMO_MODE=1), and if other
machines can open the app, visitors may look at everything and run the embedded models and those of NEURONLLM_MODELS.
The owner of the server allows more with NEURONLLM_ALLOW.
"""

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from neuron_core.errors import ConfigError, RunError, first_of
from neuron_core.models.spec import EMBEDDED, PLAIN, ModelSpec
from neuron_core.paths import ASSETS
from neuron_core.runs.config import RunConfig
from neuron_core.service.jobs import BackgroundJob, LengthsJob, NeuronJob, PromptJob
from neuron_core.tasks.hub import PREFIX
from neuron_core.tasks.library import kept_tasks, within
from neuron_core.tasks.load import bundled_tasks

DEMO, ALLOW, MODELS, DATA_ROOT = "NEURONLLM_DEMO_MODE", "NEURONLLM_ALLOW", "NEURONLLM_MODELS", "NEURONLLM_DATA_ROOT"
ACTIONS: dict[str, str] = {
    "model": "loading models by their path or their id on the hub",
    "code": "running Python code that comes with a model",
    "path": "reading files of the server by their path",
    "hub": "reading datasets of the hub",
    "upload": "uploading files",
    "delete": "deleting runs and kept tasks",
    "rename": "changing the names of runs and kept tasks",
    "cancel": "stopping a run or a job that somebody else began",
    "replace": "replacing the evaluation of a run that somebody else began",
    "resume": "resuming or repairing a run that somebody else began",
    "unload": "removing the model from memory",
    "cluster": "computing runs on a Ray cluster",
    "large": "runs of any size, and any number of waiting runs and jobs",
}
"name → what it allows"
OF_OTHERS = frozenset({"cancel", "replace", "resume"})
"actions that a session may always do to what it began itself"
AT = "@"
"between a model and its revision in NEURONLLM_MODELS"
LARGEST = {"steps": 256, "examples": 1000, "budgets": 20, "random sets": 20}
"of a run without the action `large`"
MOST_WAITING = 20
"runs that wait, and jobs that are not done, at once without the action `large`"


@dataclass(frozen=True)
class Permissions:
    """What visitors of this server may do."""

    actions: frozenset[str] = frozenset(ACTIONS)
    "names of ACTIONS"
    models: frozenset[str] = frozenset({EMBEDDED, PLAIN})
    "the models that are allowed without the action `model`: a source, or SOURCE@REVISION for another revision of it"
    why: str = ""
    "what the limits come from, for messages; empty if there are none"

    def to_json(self) -> str:
        """The permissions as text, for the worker's command line."""
        return json.dumps({"actions": sorted(self.actions), "models": sorted(self.models), "why": self.why})

    @classmethod
    def from_json(cls, text: str) -> "Permissions":
        said = json.loads(text)
        return cls(frozenset(said["actions"]), frozenset(said["models"]), said["why"])

    @property
    def sources(self) -> tuple[str, ...]:
        """What a model can be chosen from without the action `model`, in order."""
        return tuple(sorted({name if _is_path(name) else name.partition(AT)[0] for name in self.models}))

    @property
    def revisions(self) -> bool:
        """Whether a revision of a model may be named."""
        return self.may("model") or any(AT in name and not _is_path(name) for name in self.models)

    def may(self, action: str) -> bool:
        return action in self.actions

    def why_not(self, action: str) -> str:
        """Why this action is not allowed, in words; empty if it is allowed."""
        return "" if self.may(action) else f"{self.why or 'this server'} does not allow {ACTIONS[action]}"

    def check(self, action: str, where: str = "") -> None:
        """RunError if this action is not allowed."""
        if not self.may(action):
            raise RunError(
                self.why_not(action),
                where=where[:200] or None,
                accepted=f"the owner of the server can allow it: {ALLOW}={action}",
            )

    def check_model(self, spec: ModelSpec, *, confirmed: bool = False) -> None:
        """RunError for a model that is not allowed, and for code of a model that was not confirmed at the terminal."""
        if runs_code(spec):
            self.check("code", spec.source)
            if not confirmed:
                raise RunError(
                    "code that comes with a model runs only after the word that the terminal printed for it",
                    where=spec.source[:200],
                    accepted="this word, typed in the sidebar, or a run from the command line",
                )
        changed = spec.adapter is not None or spec.architecture is not None or spec.load_in is not None
        # On the hub, anyone can offer a revision of a model with weights of their own.
        named = spec.source if spec.revision is None else f"{spec.source}{AT}{spec.revision}"
        if not self.may("model") and (changed or named not in self.models):
            raise RunError(
                f"{self.why} does not allow this model",
                where=named[:200],
                accepted=f"{first_of(sorted(self.models))}; the owner of the server names others in {MODELS}",
            )

    def check_task(self, name: str, store: Path) -> None:
        """RunError or TaskError for a task that is not allowed. store: the folder of runs. Kept tasks lie beside it."""
        if name in bundled_tasks() or self.may("path"):
            return
        if name.startswith(PREFIX):
            self.check("hub", name)
        elif Path(name) in kept_tasks(store.absolute().parent / "tasks"):
            self.check("upload", name)
        elif (root := os.environ.get(DATA_ROOT)) and not os.environ.get(DEMO):
            within(name, Path(root), DATA_ROOT)
        else:
            self.check("path", name)

    def check_run(self, config: RunConfig, store: Path, *, confirmed: bool = False) -> None:
        """RunError or TaskError where the run would read or load what is not allowed."""
        self.check_model(config.model, confirmed=confirmed)
        self._check_size(config)
        if config.evaluation and config.evaluation.comprehended_by:
            self.check_model(config.evaluation.comprehended_by, confirmed=confirmed)
        self.check_task(config.task, store)
        for use in config.sets:
            if not _inside(use.path, (store,)):
                self.check("path", use.path)

    def _check_size(self, config: RunConfig) -> None:
        found = [("steps", config.attribution.steps), ("examples", config.attribution.examples)]
        if one := config.evaluation:
            found += [("examples", one.examples), ("budgets", len(one.ks)), ("random sets", one.random_seeds)]
        for what, number in found:
            if number > LARGEST[what] and not self.may("large"):
                raise RunError(
                    f"{self.why} does not allow a run of {number:,} {what}",
                    accepted=f"at most {LARGEST[what]:,}; the owner of the server can allow more: {ALLOW}=large",
                )

    def check_waiting(self, waiting: int, what: Literal["runs", "jobs"] = "runs") -> None:
        """RunError if no further run or job may wait. waiting: number of those that wait."""
        if waiting >= MOST_WAITING and not self.may("large"):
            raise RunError(
                f"{waiting} {what} are waiting, and {self.why} lets no more wait",
                accepted=f"another one when one of these has ended; the owner of the server can lift it: {ALLOW}=large",
            )

    def check_job(
        self, job: BackgroundJob | PromptJob, spec: ModelSpec, store: Path, *, confirmed: bool = False
    ) -> None:
        """RunError or TaskError where a job would read, load or write what is not allowed."""
        self.check_model(spec, confirmed=confirmed)
        if isinstance(job, LengthsJob):
            self.check_task(job.task, store)
            if not self.may("path") and not _inside(job.file, (store, store.absolute().parent / "tasks")):
                self.check("path", job.file)
        elif isinstance(job, NeuronJob) and not self.may("path"):
            for path in (job.run, job.folder):
                if not _inside(path, (store, *READ_ONLY)):
                    self.check("path", path)


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or Path(name).is_absolute()


READ_ONLY: tuple[Path, ...] = (ASSETS / "demo_run", ASSETS / "demo_runs")
"folders of finished runs that came with the app"


def runs_code(spec: ModelSpec) -> bool:
    """Whether loading this model runs Python code that is not part of this program."""
    return spec.trust_remote_code or bool(spec.architecture and not spec.architecture.endswith(".json"))


def permissions(*, loopback: bool, environment: Mapping[str, str] = os.environ) -> Permissions:
    """The permissions of a server. loopback: whether only this machine can open it. ConfigError for an unknown action
    in NEURONLLM_ALLOW.
    """
    demo = environment.get(DEMO, "") not in ("", "0")
    if loopback and not demo:
        return Permissions()
    allowed = _names(environment.get(ALLOW, ""))
    if unknown := sorted(allowed - set(ACTIONS)):
        raise ConfigError(f"{ALLOW} names {unknown[0]!r}", accepted=", ".join(ACTIONS))
    models = frozenset({EMBEDDED, PLAIN}) | _names(environment.get(MODELS, ""))
    return Permissions(allowed, models, "this demo" if demo else "this app, which other machines can open,")


@lru_cache(64)
def is_loopback(address: str | None) -> bool:
    """Whether only this machine reaches a server at this address."""
    if not address or address.startswith("unix://"):
        # Without an address, a server can be reached from every machine.
        return bool(address)
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _names(said: str) -> frozenset[str]:
    return frozenset(part.strip() for part in said.split(",") if part.strip())


def _inside(path: str, roots: Iterable[Path]) -> bool:
    try:
        found = Path(path).resolve()
        return any(found.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError):
        return False
