"""The files that an attribution leaves in a run folder: kept extremes of examples, sums, rankings. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.methods import METHODS
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.score_sums import ScoreSums
from neuron_core.cni.selection import Extremes
from neuron_core.errors import RunError
from neuron_core.runs.check_files import CheckFiles
from neuron_core.runs.files import damaged
from neuron_core.runs.result_files import entries_of
from neuron_core.runs.score_files import FIX
from neuron_core.runs.units import UnitLog


class AttributionFiles(CheckFiles):
    """examples.units, sums.npz, loudness.npz and rankings/METHOD.npz. In a run of format 1, each example has a file
    examples/E.npz.
    """

    def save_example(self, number: int, kept: Mapping[str, Extremes]) -> None:
        """Saves the top and bottom z of one example, by target."""
        arrays = {f"{target}/{name}": value for target, one in kept.items() for name, value in vars(one).items()}
        self._examples.append(number, arrays, self._scores_key() or "")

    def has_example(self, number: int) -> bool:
        """Whether what is kept of an example is there, and of this setting."""
        return self._examples.has(number, self._wanted_key())

    def example(self, number: int, targets: Sequence[str]) -> dict[str, Extremes]:
        """The top and bottom z of one example, by target. RunError when they are not there."""
        if self.has_example(number):
            arrays = self._examples.read(number)
        elif (path := self.path / "examples" / f"{number}.npz").exists() and not self.strict:
            arrays = self._read_arrays(path)
        else:
            raise RunError(f"example {number} is not there", where=str(self._examples.path), accepted=FIX)
        return _extremes(arrays, targets)

    def examples(self) -> Iterator[dict[str, Extremes]]:
        """The top and bottom z of each example that the sums contain, in order, by target."""
        sums = self.sums()
        numbers, targets = range(sums.n_examples if sums else 0), sums.targets if sums else ()
        if numbers and self._examples.numbers(self._wanted_key()).issuperset(numbers):
            yield from (_extremes(arrays, targets) for arrays in self._examples.read_each(numbers))
        else:
            yield from (self.example(number, targets) for number in numbers)

    @property
    def _examples(self) -> UnitLog:
        return self._log(self.path / "examples.units")

    def save_sums(self, sums: ScoreSums) -> None:
        """Replaces the sums."""
        arrays = {name: np.asarray(value) for name, value in vars(sums).items()}
        self._write_arrays(self.path / "sums.npz", {**arrays, "key": np.asarray(self._scores_key() or "")})

    def sums(self) -> ScoreSums | None:
        """The sums over the finished examples, for every neuron. None before the first example is finished."""
        if not (self.path / "sums.npz").exists():
            return None
        arrays = self._read_arrays(self.path / "sums.npz")
        key = str(arrays.pop("key", ""))
        if key != (self._wanted_key() or key):
            raise damaged(self.path / "sums.npz", "these sums are of another setting")
        with entries_of(self.path / "sums.npz"):
            return ScoreSums(
                targets=tuple(arrays.pop("targets").tolist()),
                n_examples=int(arrays.pop("n_examples")),
                n_questions=int(arrays.pop("n_questions")),
                **arrays,
            )

    def save_loudness(self, loudness: NDArray[np.float32]) -> None:
        """Saves the loudness of every neuron, (L, I): mean |ŵ| over the attribution questions times the length of its
        write vector.
        """
        key = np.asarray(self._scores_key() or "")
        self._write_arrays(self.path / "loudness.npz", {"loudness": loudness, "key": key})

    def loudness(self) -> NDArray[np.float32] | None:
        """The loudness of every neuron, (L, I). None before the attribution is finished, and in
        runs of older versions.
        """
        path = self.path / "loudness.npz"
        if not path.exists():
            return None
        arrays = self._read_arrays(path)
        if (key := self._wanted_key()) and str(arrays.get("key", "")) != key:
            raise damaged(path, "this is of another setting")
        with entries_of(path):
            return arrays["loudness"]

    def save_ranking(self, ranking: NeuronRanking, method: str = "ace") -> None:
        arrays = {name: np.asarray(value) for name, value in vars(ranking).items()}
        self._write_arrays(self.ranking_path(method), {**arrays, "key": np.asarray(self._ranking_key(method))})

    def _ranking_key(self, method: str) -> str:
        return f"{self._scores_key() or ''} {method}"

    def ranking_path(self, method: str) -> Path:
        """The file of a method's ranking. A ranking that depends on the budgets belongs to the evaluation."""
        by_budget = method in METHODS and METHODS[method].by_budget
        return (self.results if by_budget else self.path) / "rankings" / f"{method}.npz"

    def ranking(self, method: str | None = None) -> NeuronRanking | None:
        """The task's neurons as ranked by a method, by default the run's first. None before the attribution is
        finished.
        """
        methods = self.config().attribution.methods
        if method is None:
            if not methods:
                return None
            method = methods[0]
        path = self.ranking_path(method)
        if not path.exists():
            return None
        arrays = self._read_arrays(path)
        # A damaged setting has no key to compare with. The run makes it again, and then the ranking is checked.
        if self._wanted_key() and str(arrays.get("key", "")) != self._ranking_key(method):
            raise damaged(path, "this ranking is of another method or setting")
        with entries_of(path):
            return NeuronRanking(
                neurons=arrays["neurons"],
                scores=arrays["scores"],
                n_ambiguous=int(arrays["n_ambiguous"]),
                n_layers=int(arrays["n_layers"]),
                n_neurons=int(arrays["n_neurons"]),
                z=int(arrays["z"]),
                note=str(arrays["note"]),
            )

    def is_attributed(self) -> bool:
        """Whether the first ranking is finished, without reading it."""
        methods = self.config().attribution.methods
        return bool(methods) and self.ranking_path(methods[0]).is_file()

    def rankings(self) -> dict[str, NeuronRanking]:
        """Every ranking that is finished, by method."""
        found = {method: self.ranking(method) for method in self.config().attribution.methods}
        return {method: ranking for method, ranking in found.items() if ranking is not None}


def _extremes(arrays: Mapping[str, NDArray[Any]], targets: Sequence[str]) -> dict[str, Extremes]:
    return {target: Extremes(**{f.name: arrays[f"{target}/{f.name}"] for f in fields(Extremes)}) for target in targets}
