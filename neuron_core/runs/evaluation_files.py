"""The files that an evaluation leaves in a run folder, and how a new evaluation replaces the one before. No torch."""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from neuron_core.cni import sets
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.interventions import Intervention
from neuron_core.control.metrics import Evaluation, evaluate, evaluation_from_dict, evaluation_to_dict
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import SideEffects
from neuron_core.errors import RunError
from neuron_core.runs.attribution_files import AttributionFiles
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.files import damaged, make_folder
from neuron_core.runs.keys import evaluation_key
from neuron_core.runs.plan import plan_of
from neuron_core.runs.result_files import CONFIG, entries_of, remove_folder
from neuron_core.runs.score_files import FIX
from neuron_core.runs.setting import Sample, sample_from_json, sample_to_json
from neuron_core.runs.units import UnitLog

FOLDER = "evaluation-"
FIRST = ("evaluation", "evaluation.units", "evaluation.json", "side_effects.json", "sample.json", "plan.json")
"files of a run's first evaluation"

_SIDE_EFFECTS: TypeAdapter[SideEffects] = TypeAdapter(SideEffects)


class EvaluationFiles(AttributionFiles):
    """evaluation.units, plan.json (the key of its units), means.npz, evaluation.json, side_effects.json and
    sample.json. In a run of format 1, each question has a file evaluation/N.npz.
    """

    def save_sample(self, sample: Sample) -> None:
        self._write_json(self.results / "sample.json", sample_to_json(sample))

    def sample(self) -> Sample | None:
        """How the evaluation examples have been chosen so far. None for a natural sample."""
        path = self.results / "sample.json"
        if not path.exists():
            return None
        try:
            return sample_from_json(self._read_json(path))
        except ValidationError as error:
            raise damaged(path, str(error.errors()[0]["msg"])) from None

    def begin_evaluation(self, plan: Sequence[Intervention], position: str) -> None:
        """Records the plan of the results that will be saved. Results of another plan are not read any more."""
        setting = self.setting()
        assert setting is not None
        key = evaluation_key(setting, plan, position)
        if key != self.plan_key():
            self._write_json(self.results / "plan.json", json.dumps({"key": key}))

    def plan_key(self) -> str:
        """The key of the evaluation's units. Empty before the evaluation has begun, and in runs of format 1."""
        path = self.results / "plan.json"
        if not path.exists():
            return ""
        try:
            return str(json.loads(self._read_json(path))["key"])
        except (ValueError, KeyError, TypeError):
            raise damaged(path, "it has no key") from None

    def check_plan(self, plan: Sequence[Intervention], position: str) -> None:
        """RunError when the evaluation's units were not made with these interventions."""
        setting, key = self.setting(), self.plan_key()
        if setting is not None and key and key != evaluation_key(setting, plan, position):
            raise RunError(
                "the probabilities of this run belong to other interventions or questions than its files say",
                where=str(self.results),
                accepted="Repair, then Resume, which computes them again",
            )

    def evaluated(self) -> set[int]:
        """Numbers of the evaluation questions that are finished."""
        key = self.plan_key()
        return self._evaluation.numbers(key) | (set() if self.strict else self._units(self.results / "evaluation"))

    def save_probabilities(self, number: int, values: NDArray[np.float32]) -> None:
        """Saves the option probabilities of a question, (1 + interventions, 4)."""
        self._evaluation.append(number, {"values": values}, self.plan_key())

    def _stacked(self, n: int) -> NDArray[np.float32]:
        """The option probabilities of the first n questions, (n, 1 + interventions, 4). RunError when those of a
        question are damaged, missing, or of another plan.
        """
        key, found = self.plan_key(), []
        if n and self._evaluation.numbers(key).issuperset(range(n)):
            return self._alike(one["values"] for one in self._evaluation.read_each(range(n)))
        for number in range(n):
            path = self.results / "evaluation" / f"{number}.npz"
            if self._evaluation.has(number, key):
                found.append(self._evaluation.read(number)["values"])
            elif not self.strict and path.exists():
                found.append(self._read_arrays(path)["values"])
            else:
                raise RunError(f"question {number} is not there", where=str(self._evaluation.path), accepted=FIX)
        return self._alike(found)

    def _alike(self, found: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        values = list(found)
        if len({one.shape for one in values}) > 1:
            raise damaged(self._evaluation.path, "its questions were asked under different plans")
        return np.stack(values)

    def probabilities(self) -> OptionProbabilities | None:
        """All option probabilities; None before the evaluation is finished. RunError when a question is damaged."""
        setting = self.setting()
        if setting is None or not setting.evaluation:
            return None
        ended = (self.results / "evaluation.json").exists()
        if len(self.evaluated()) < len(setting.evaluation) and not ended:
            return None
        return OptionProbabilities.of(setting.evaluation, self._stacked(len(setting.evaluation)))

    @property
    def _evaluation(self) -> UnitLog:
        return self._log(self.results / "evaluation.units")

    def save_means(self, means: NDArray[np.float32]) -> None:
        """Saves the mean of every neuron at the last token over the evaluation prompts, (L, I)."""
        self._write_arrays(self.results / "means.npz", {"means": means, "key": np.asarray(self.plan_key() or "")})

    def means(self) -> NDArray[np.float32] | None:
        """The means, (L, I). None when no neuron is silenced to its mean, and before they are measured."""
        path = self.results / "means.npz"
        if not path.exists():
            return None
        arrays = self._read_arrays(path)
        if self.strict and str(arrays.get("key", "")) != (self.plan_key() or ""):
            raise damaged(path, "this is of another plan")
        with entries_of(path):
            return arrays["means"]

    def save_evaluation(self, evaluation: Evaluation) -> None:
        self._write_json(self.results / "evaluation.json", json.dumps(evaluation_to_dict(evaluation)))

    def evaluation(self) -> Evaluation | None:
        """The grid and its best points. None before the evaluation is finished. RunError when its file is damaged.

        Files of versions without letter-free measures lack these. They are computed from the option probabilities.
        """
        path = self.results / "evaluation.json"
        if not path.exists():
            return None
        try:
            found = evaluation_from_dict(json.loads(self._read_json(path)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path, f"{error}") from None
        config, setting = self.config(), self.setting()
        if found.baseline.acc_letters_removed is not None or config.evaluation is None or setting is None:
            return found
        p = self.probabilities()
        plan = plan_of(config.evaluation, self.rankings(), config.sets, self.sets(), self.loudness())
        if p is None or p.values.shape[1] != 1 + len(plan):
            return found
        return evaluate(p, plan, config.evaluation.position, config.seed, strata=setting.strata())

    def sets(self) -> dict[str, NeuronSetFile]:
        """The neuron sets of other runs that this one evaluates, by the name that its config gives them."""
        found = {}
        for use in self.config().sets:
            path = self.path / "sets" / f"{use.name}.json"
            found[use.name] = sets.from_json(self._read_json(path), str(path))
        return found

    def save_side_effects(self, effects: SideEffects) -> None:
        self._write_json(self.results / "side_effects.json", _SIDE_EFFECTS.dump_json(effects).decode())

    def side_effects(self) -> SideEffects | None:
        """The side effects. None before they are measured. RunError when their file is damaged."""
        path = self.results / "side_effects.json"
        if not path.exists():
            return None
        try:
            return _SIDE_EFFECTS.validate_json(self._read_json(path))
        except ValidationError as error:
            raise damaged(path, str(error.errors()[0]["msg"])) from None

    def pending_folder(self) -> str:
        """The folder of an evaluation that was asked for and is not finished. Empty if there is none."""
        newest = max(self._evaluation_folders(), default=0)
        return f"{FOLDER}{newest}" if newest > _number(self._owner().results) else ""

    def _evaluation_folders(self) -> list[int]:
        return [_number(path.parent.name) for path in self.path.glob(f"{FOLDER}*/{CONFIG}")]

    def set_evaluation(self, config: RunConfig) -> None:
        """Asks for the evaluation of this config. The one before stays the run's until the new one is finished. If
        `config` has no evaluation, the one before is removed at once.

        The caller holds the run, and executes it next.
        """
        before = self.config()
        self.drop_pending()
        taken = [_number(path.name) for path in self.path.glob(f"{FOLDER}*")]
        folder = f"{FOLDER}{1 + max(taken, default=0)}"
        make_folder(self.path / folder, fresh=True)
        same = before.evaluation and config.evaluation and _choice(before.evaluation) == _choice(config.evaluation)
        sample = self.sample() if same else None
        view = type(self)(self.path, folder)
        if sample is not None:
            self._write_json(self.path / folder / "sample.json", sample_to_json(sample))
        view.write_config(config, marks=self.marks_of_run())
        if config.evaluation is None:
            self.adopt(folder)

    def drop_pending(self) -> None:
        """Withdraws an evaluation that was asked for and is not finished."""
        if folder := self.pending_folder():
            remove_folder(self.path / folder)

    def adopt(self, folder: str) -> None:
        """Makes the evaluation in this folder the run's, and removes the one before."""
        view = type(self)(self.path, folder)
        run, old = type(self)(self.path), self.marks_of_run().results
        run.write_config(view.config(), folder)
        # From here on nothing reads the old one. What can't be removed of it now is removed by `runs gc`.
        if old:
            shutil.rmtree(self.path / old, ignore_errors=True)
        for name in FIRST if not old else ():
            path = self.path / name
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else _unlink(path)

    def marks_of_run(self) -> Any:
        """The seal of the run's own config.json, also for a view with another evaluation."""
        return type(self)(self.path).marks


def _number(folder: str) -> int:
    tail = folder.removeprefix(FOLDER)
    return int(tail) if folder.startswith(FOLDER) and tail.isdecimal() else 0


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # For instance open in another program. Nothing reads it any more, and `runs gc` removes it.
        return


def _choice(evaluation: EvaluationConfig) -> tuple[object, ...]:
    """The settings that decide which examples a sample contains."""
    return evaluation.sample, evaluation.comprehended_by, evaluation.examples
