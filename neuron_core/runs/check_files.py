"""The checks of all attribution questions in one file, so that a reader need not open each question. No torch."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.metrics import Baseline, baseline_of
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import baseline_from_dict
from neuron_core.runs.files import damaged
from neuron_core.runs.score_files import ScoreFiles

CHECKS = ("gap", "letter_probabilities", "guard")


@dataclass(frozen=True, eq=False)
class RunChecks:
    """The numbers that show whether the attribution of a run is right, for each question."""

    gaps: NDArray[np.float32]
    "completeness gap of the first target at each layer, (Q, L)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters, unmodified model, (Q, 4)"
    guards: NDArray[np.float64]
    "largest distance of a full-value row from the unmodified model, (Q,)"
    baseline: Baseline
    "the unmodified model on these questions"


class CheckFiles(ScoreFiles):
    """checks.npz, which is written when the attribution is finished."""

    def save_checks(self) -> None:
        """Writes the checks of all questions into the file. RunError when those of a question are missing."""
        found, key = self._gathered_checks(), self._scores_key() or ""
        told = json.dumps(asdict(found.baseline))
        arrays = {**vars(found), "baseline": np.asarray(told), "key": np.asarray(key)}
        self._write_arrays(self.path / "checks.npz", arrays)

    def kept_checks(self) -> RunChecks | None:
        """The checks in the file. None before it is written, and in runs of older versions."""
        path = self.path / "checks.npz"
        if not path.exists():
            return None
        arrays = self._read_arrays(path)
        if (key := self._wanted_key()) and str(arrays.get("key", "")) != key:
            raise damaged(path, "these checks are of another setting")
        try:
            baseline = baseline_from_dict(json.loads(str(arrays["baseline"])))
            return RunChecks(arrays["gaps"], arrays["letter_probabilities"], arrays["guards"], baseline)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error}") from None

    def all_checks(self) -> RunChecks:
        """The checks of all questions of a finished attribution. RunError when those of a question are missing."""
        return self.kept_checks() or self._gathered_checks()

    def _gathered_checks(self) -> RunChecks:
        setting = self.setting()
        questions = setting.attribution if setting else ()
        n = len(questions)
        found: Iterator[dict[str, NDArray[Any]]]
        if self.scored_apart() or not self._scores.numbers(self._wanted_key()).issuperset(range(n)):
            found = map(partial(self._score_arrays, names=CHECKS), range(n))
        else:
            found = self._scores.read_each(range(n), CHECKS)
        each = [(one["gap"][0], one["letter_probabilities"], one["guard"]) for one in found]
        gaps, letters, guards = map(np.stack, zip(*each, strict=True))
        baseline = baseline_of(OptionProbabilities.of(questions, letters[:, None]))
        return RunChecks(gaps, letters, guards, baseline)
