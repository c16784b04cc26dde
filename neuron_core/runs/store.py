"""The store: a folder of run folders, each whole in itself. No torch.

A run folder holds config.json, status.json, events.jsonl, sample.json (how the evaluation examples were chosen),
setting.json (questions, ids, model facts), passes.json (the chunk plan: with it a resumed run is equal bit for bit),
scores/N.npz (one a question), examples/E.npz (top and bottom z of an example), sums.npz, loudness.npz,
rankings/METHOD.npz, sets/NAME.json, evaluation/N.npz (one a question), evaluation.json and side_effects.json.
Every file is written to a temporary name, synced and renamed, so that a crash leaves whole files only.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from platformdirs import user_data_path
from pydantic import TypeAdapter

from neuron_core.cni import sets
from neuron_core.cni.methods import METHODS
from neuron_core.cni.passes import Passes
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.metrics import Evaluation, evaluate, evaluation_from_dict, evaluation_to_dict
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import SideEffects
from neuron_core.errors import RunError
from neuron_core.runs.attribution_files import AttributionFiles
from neuron_core.runs.config import EvaluationConfig, RunConfig, config_to_json
from neuron_core.runs.files import write_file
from neuron_core.runs.setting import (
    Sample,
    Setting,
    plan_of,
    sample_from_json,
    sample_to_json,
    setting_from_json,
    setting_to_json,
)

ACTIVE = ("queued", "running")
STATES = (*ACTIVE, "done", "cancelled", "failed", "interrupted")
LOCK_PATIENCE_S = 0.5
LABEL_LENGTH = 80


@dataclass(frozen=True)
class RunStatus:
    """How far a run is."""

    state: str = "queued"
    stage: str = ""
    "loading, attribution or evaluation"
    done: int = 0
    "units (questions) finished in this stage"
    total: int = 0
    message: str = ""
    created: float = 0.0
    "seconds since the epoch"
    updated: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    "wall time a stage, summed over resumes"
    eta_s: float | None = None


def default_root() -> Path:
    """NEURONLLM_RUNS, or a folder of the user's data."""
    return Path(os.environ.get("NEURONLLM_RUNS") or user_data_path("neuronllm-explorer") / "runs")


_SIDE_EFFECTS: TypeAdapter[SideEffects] = TypeAdapter(SideEffects)


class RunFolder(AttributionFiles):
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lock = FileLock(path / ".lock")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Marks the run as being worked on by this process; the system lets go when the process dies.

        Raises RunError when another process works on it.
        """
        try:
            # Somebody who asks `is_held` has the lock for a moment.
            lock = self._lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=0.01)
        except Timeout:
            raise RunError("another process works on this run", where=self.id) from None
        with lock:
            yield

    def is_held(self) -> bool:
        """Whether some process works on this run now."""
        try:
            with FileLock(self.path / ".lock").acquire(timeout=0):
                return False
        except Timeout:
            return True

    def status(self) -> RunStatus:
        """The last written status; a run said to be running that nobody works on is `interrupted`."""
        path = self.path / "status.json"
        try:
            status = RunStatus(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"the status of this run can't be read: {error}", where=str(path)) from None
        if status.state == "running" and not self.is_held():
            return replace(status, state="interrupted", eta_s=None)
        return status

    def write_status(self, status: RunStatus) -> None:
        self._write("status.json", json.dumps(asdict(replace(status, updated=time.time()))).encode())

    def label(self) -> str:
        """What somebody called this run; "" before anybody did."""
        path = self.path / "label.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def set_label(self, label: str) -> None:
        """Gives the run a name beside its id, in one line. RunError for one that is too long."""
        label = " ".join(label.split())
        if len(label) > LABEL_LENGTH:
            raise RunError(f"a label of {len(label)} characters", accepted=f"at most {LABEL_LENGTH}")
        self._write("label.txt", label.encode())

    def event(self, kind: str, **fields: Any) -> None:
        """Appends one line to events.jsonl."""
        line = json.dumps({"time": time.time(), "event": kind, **fields}) + "\n"
        path = self.path / "events.jsonl"
        # A line that a crash cut off keeps to itself.
        cut_off = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" + line if cut_off else line)

    def events(self) -> list[dict[str, Any]]:
        """All events; a line cut off by a crash is left out."""
        path = self.path / "events.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def save_setting(self, setting: Setting) -> None:
        self._write("setting.json", setting_to_json(setting).encode())

    def setting(self) -> Setting | None:
        """Questions, ids and model facts; None before the run has begun."""
        path = self.path / "setting.json"
        return setting_from_json(path.read_bytes()) if path.exists() else None

    def save_passes(self, passes: Passes) -> None:
        self._write("passes.json", json.dumps(asdict(passes)).encode())

    def passes(self) -> Passes | None:
        """The chunk plan; None before the run has begun. RunError when its file is damaged."""
        path = self.path / "passes.json"
        if not path.exists():
            return None
        try:
            return Passes(**json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise RunError(f"the chunk plan of this run can't be read: {error}", where=str(path)) from None

    def sets(self) -> dict[str, NeuronSetFile]:
        """The neuron sets of other runs that this one evaluates, by the name that its config gives them."""
        return {use.name: sets.load(self.path / "sets" / f"{use.name}.json") for use in self.config().sets}

    def save_sample(self, sample: Sample) -> None:
        self._write("sample.json", sample_to_json(sample).encode())

    def sample(self) -> Sample | None:
        """How the evaluation examples were chosen, as far as that is; None for a natural sample."""
        path = self.path / "sample.json"
        return sample_from_json(path.read_bytes()) if path.exists() else None

    def evaluated(self) -> set[int]:
        """Numbers of the evaluation questions that are finished."""
        return self._units("evaluation")

    def save_probabilities(self, number: int, values: NDArray[np.float32]) -> None:
        """values: (1 + interventions, 4)."""
        self._write_arrays(f"evaluation/{number}.npz", {"values": values})

    def probabilities(self) -> OptionProbabilities | None:
        """All option probabilities; None before the evaluation is finished."""
        setting = self.setting()
        if setting is None or not setting.evaluation or len(self.evaluated()) < len(setting.evaluation):
            return None
        numbers = range(len(setting.evaluation))
        values = np.stack([self._read_arrays(f"evaluation/{n}.npz")["values"] for n in numbers])
        return OptionProbabilities.of(setting.evaluation, values)

    def save_evaluation(self, evaluation: Evaluation) -> None:
        self._write("evaluation.json", json.dumps(evaluation_to_dict(evaluation)).encode())

    def evaluation(self) -> Evaluation | None:
        """The grid and its best points; None before the evaluation is finished.

        One that was made before there were letter-free measures is made anew from its option probabilities.
        """
        path = self.path / "evaluation.json"
        if not path.exists():
            return None
        found = evaluation_from_dict(json.loads(path.read_bytes()))
        config, setting = self.config(), self.setting()
        if found.baseline.acc_letters_removed is not None or config.evaluation is None or setting is None:
            return found
        p = self.probabilities()
        plan = plan_of(config.evaluation, self.rankings(), config.sets, self.sets(), self.loudness())
        if p is None or p.values.shape[1] != 1 + len(plan):
            return found
        return evaluate(p, plan, config.evaluation.position, config.seed, strata=setting.strata())

    def save_side_effects(self, effects: SideEffects) -> None:
        self._write("side_effects.json", _SIDE_EFFECTS.dump_json(effects))

    def side_effects(self) -> SideEffects | None:
        """None before they are measured."""
        path = self.path / "side_effects.json"
        return _SIDE_EFFECTS.validate_json(path.read_bytes()) if path.exists() else None

    def set_evaluation(self, config: RunConfig) -> None:
        """Gives the run another evaluation; results of the one before are dropped."""
        shutil.rmtree(self.path / "evaluation", ignore_errors=True)
        (self.path / "evaluation.json").unlink(missing_ok=True)
        (self.path / "side_effects.json").unlink(missing_ok=True)
        before = self.config().evaluation
        wanted = config.evaluation
        if before is None or wanted is None or _choice(before) != _choice(wanted):
            (self.path / "sample.json").unlink(missing_ok=True)
        for method in METHODS.values():
            if method.by_budget:
                # Made anew from what is kept.
                (self.path / f"rankings/{method.name}.npz").unlink(missing_ok=True)
        self._write("config.json", config_to_json(config).encode())


def _choice(evaluation: EvaluationConfig) -> tuple[object, ...]:
    """What decides which examples a sample has."""
    return evaluation.sample, evaluation.comprehended_by, evaluation.examples


class Store:
    """A folder of run folders."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def create(self, config: RunConfig, path: Path | None = None) -> RunFolder:
        """A new run folder, in the store or at `path` (which must be empty or absent)."""
        if path is None:
            slug = re.sub(r"[^a-z0-9]+", "-", Path(config.task).stem.lower()).strip("-")[:24] or "task"
            path = self.root / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}-{secrets.token_hex(2)}"
        elif path.exists() and any(path.iterdir()):
            raise RunError("the output folder is not empty", where=str(path), accepted="a new or an empty folder")
        # Before the folder is there: a file that is no neuron set leaves nothing behind.
        found = {use.name: sets.load(Path(use.path)) for use in config.sets}
        path.mkdir(parents=True, exist_ok=True)
        write_file(path / "status.json", json.dumps(asdict(RunStatus(created=time.time()))).encode())
        for use in config.sets:
            (path / "sets").mkdir(exist_ok=True)
            write_file(path / "sets" / f"{use.name}.json", sets.to_json(found[use.name]).encode())
        write_file(path / "config.json", config_to_json(config).encode())
        return RunFolder(path)

    def open(self, name: str | Path) -> RunFolder:
        """A run by id or by path."""
        for path in (self.root / str(name), Path(name).expanduser()):
            if (path / "config.json").is_file():
                return RunFolder(path)
        known = ", ".join(run.id for run in self.runs()[:5]) or "none yet"
        raise RunError(f"no run is called {str(name)!r}", where=str(self.root), accepted=f"a run folder, or: {known}")

    def delete(self, run_id: str) -> None:
        """Removes a run of this store for good. RunError when there is none, or somebody works on it."""
        run = self.open(run_id)
        if run.path.parent.resolve() != self.root.resolve():
            raise RunError("only runs of the store are deleted", where=str(run.path), accepted="remove its folder")
        with run.held():
            # First out of sight: a crash leaves no half of a run among the others.
            gone = self.root / f".deleted-{run.id}"
            run.path.rename(gone)
        shutil.rmtree(gone)

    def runs(self) -> list[RunFolder]:
        """All runs, newest first."""
        if not self.root.is_dir():
            return []
        found = [path for path in self.root.glob("[!.]*") if (path / "config.json").is_file()]
        return [RunFolder(path) for path in sorted(found, key=lambda path: path.name, reverse=True)]
