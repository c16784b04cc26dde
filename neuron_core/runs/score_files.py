"""The files that each attribution question leaves in a run folder, and the setting that they belong to. No torch."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from neuron_core.cni.scores import AttributionScores
from neuron_core.errors import RunError
from neuron_core.runs.config import AttributionConfig
from neuron_core.runs.files import damaged, make_folder
from neuron_core.runs.kept_settings import keep_setting, kept_setting
from neuron_core.runs.keys import attribution_key, kept_keys
from neuron_core.runs.result_files import UNREADABLE, ResultFiles
from neuron_core.runs.setting import Setting, setting_from_json, setting_to_json
from neuron_core.runs.units import UnitLog

LARGE = frozenset({"ig", "neurons"})
"the two arrays of a question whose size grows with the model"
FIX = "Resume, which computes it again"


@dataclass(frozen=True, eq=False)
class QuestionChecks:
    """The numbers that show whether the attribution of a question is right."""

    gap: NDArray[np.float32]
    "completeness gap, (n_targets, L)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters, unmodified model, shape (4,)"
    guard: float
    "distance of a full-value row from the unmodified model, see AttributionScores"


class ScoreFiles(ResultFiles):
    """setting.json, and scores.units with the scores of each question.

    scores/N.npz holds the scores of a question until its example is summed, when their large arrays are dropped. In a
    run of format 1 it holds all scores.
    """

    def save_setting(self, setting: Setting) -> None:
        make_folder(self.results)
        kept = replace(setting, keys={**setting.keys, **kept_keys(setting, self.config().attribution)})
        self._write_json(self.results / "setting.json", setting_to_json(kept))

    def setting(self) -> Setting | None:
        """The questions, ids and model facts. None before the run has begun. RunError when the file is damaged."""
        path = self.setting_path
        if not path.exists():
            return None
        state = (path.stat().st_mtime_ns, path.stat().st_size, path.stat().st_ino)
        if self._read_setting is None or self._read_setting[0] != state:
            found = kept_setting(path, state)
            if found is None:
                try:
                    found = setting_from_json(self._read_json(path))
                except ValidationError as error:
                    raise damaged(path, str(error.errors()[0]["msg"])) from None
                keep_setting(path, state, found, state[1])
            self._read_setting = state, found
        return self._read_setting[1]

    _read_setting: tuple[tuple[int, ...], Setting] | None = None

    @property
    def setting_path(self) -> Path:
        """The file that the setting is read from."""
        own = self.results / "setting.json"
        return own if own.exists() else self.path / "setting.json"

    def scored(self) -> set[int]:
        """Numbers of the attribution questions that are finished."""
        key = self._wanted_key()
        return self._scores.numbers(key) | {number for number in self.scored_apart() if self._is_ours(number, key)}

    def scored_apart(self) -> set[int]:
        """Numbers of the questions whose scores are in files of their own."""
        return self._units(self.path / "scores")

    def save_scores(self, number: int, scores: AttributionScores, *, apart: bool = False) -> None:
        """Saves the scores of a question. apart: in a file of their own, because their large
        arrays are dropped later.
        """
        arrays = {name: np.asarray(value) for name, value in vars(scores).items()}
        arrays["gap"] = np.asarray(scores.completeness_gap)
        key = self._scores_key() or ""
        if apart:
            self._write_arrays(self._apart(number), {**arrays, "key": np.asarray(key)})
        else:
            self._scores.append(number, arrays, key)

    def thin_scores(self, number: int) -> None:
        """Drops the two large arrays of a question and keeps the others."""
        arrays = self._score_arrays(number)
        if LARGE & arrays.keys():
            small = {name: array for name, array in arrays.items() if name not in LARGE and name != "key"}
            self._scores.append(number, small, self._scores_key() or "")
        self._apart(number).unlink(missing_ok=True)

    def has_whole_scores(self) -> bool:
        """Whether the scores of single questions are on disk. A run that is larger than its `keep_bytes` keeps sums
        only.
        """
        return 0 in self.scored() and "ig" in self._score_arrays(0)

    def checks(self, number: int) -> QuestionChecks:
        """The checks of a question, which are kept even if its scores were dropped."""
        arrays = self._score_arrays(number, ("gap", "letter_probabilities", "guard"))
        return QuestionChecks(arrays["gap"], arrays["letter_probabilities"], float(arrays["guard"]))

    def scores(self, number: int) -> AttributionScores:
        """The scores of a question. RunError if only sums were kept."""
        arrays = self._score_arrays(number)
        if "ig" not in arrays:
            raise RunError("scores of single questions were not kept", where=self.id, accepted="a larger keep_bytes")
        return AttributionScores(
            question_id=str(arrays["question_id"]),
            targets=tuple(arrays["targets"].tolist()),
            ig=arrays["ig"],
            neurons=arrays["neurons"],
            baseline=arrays["baseline"],
            zeroed=arrays["zeroed"],
            letter_probabilities=arrays["letter_probabilities"],
            guard=float(arrays["guard"]),
        )

    @property
    def _scores(self) -> UnitLog:
        return self._log(self.path / "scores.units")

    def _apart(self, number: int) -> Path:
        return self.path / "scores" / f"{number}.npz"

    def _scores_key(self) -> str | None:
        """The key of the run's own scores. None before the run has begun."""
        setting, config = self.setting(), self.config().attribution
        if setting is None:
            return None
        if self._known_key is None or self._known_key[0] is not setting or self._known_key[1] != config:
            self._known_key = setting, config, attribution_key(setting, config)
        return self._known_key[2]

    _known_key: tuple[Setting, AttributionConfig, str] | None = None

    def _wanted_key(self) -> str | None:
        """The key that units must have. None in runs of format 1, whose units have no key."""
        return self._scores_key() if self.strict else None

    def _is_ours(self, number: int, key: str | None) -> bool:
        if key is None:
            return True
        try:
            with np.load(self._apart(number), allow_pickle=False) as file:
                return str(file["key"]) == key
        except UNREADABLE:
            # A damaged file counts as absent, and the question is computed again.
            return False

    def _score_arrays(self, number: int, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """The arrays of a question, from a file of their own if there is one. RunError when they are missing or belong
        to another setting.
        """
        path, key = self._apart(number), self._wanted_key()
        if path.exists():
            arrays = self._read_arrays(path)
            if key is not None and str(arrays.get("key", "")) != key:
                raise damaged(path, "these scores are of another setting")
            return arrays
        if not self._scores.has(number, key):
            raise RunError(f"the scores of question {number} are not there", where=str(self._scores.path), accepted=FIX)
        return self._scores.read(number, names)
