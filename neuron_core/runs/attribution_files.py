"""What an attribution leaves in a run folder: question scores, what is kept of examples, sums, rankings. No torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.kept import ScoreSums
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import Extremes
from neuron_core.errors import RunError
from neuron_core.runs.files import ResultFiles


@dataclass(frozen=True, eq=False)
class QuestionChecks:
    """What tells a good attribution of one question from a bad one."""

    gap: NDArray[np.float32]
    "completeness gap, (n_targets, L)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters, unmodified model, shape (4,)"
    guard: float


class AttributionFiles(ResultFiles):
    """scores/N.npz, examples/E.npz, sums.npz, loudness.npz, rankings/METHOD.npz."""

    def scored(self) -> set[int]:
        """Numbers of the attribution questions that are finished."""
        return self._units("scores")

    def save_scores(self, number: int, scores: AttributionScores) -> None:
        arrays = {name: np.asarray(value) for name, value in vars(scores).items()}
        self._write_arrays(f"scores/{number}.npz", {**arrays, "gap": scores.completeness_gap})

    def thin_scores(self, number: int) -> None:
        """Drops the two large arrays of a question; the rest stays."""
        arrays = self._read_arrays(f"scores/{number}.npz")
        self._write_arrays(f"scores/{number}.npz", {n: a for n, a in arrays.items() if n not in ("ig", "neurons")})

    def has_whole_scores(self) -> bool:
        """Whether the scores of single questions are on disk; a run beyond its `keep_bytes` has sums only."""
        path = self.path / "scores" / "0.npz"
        return path.exists() and "ig" in self._read_arrays("scores/0.npz")

    def checks(self, number: int) -> QuestionChecks:
        """What stays of every question, also where its scores were thinned."""
        arrays = self._read_arrays(f"scores/{number}.npz")
        return QuestionChecks(arrays["gap"], arrays["letter_probabilities"], float(arrays["guard"]))

    def scores(self, number: int) -> AttributionScores:
        """RunError when only sums were kept."""
        arrays = self._read_arrays(f"scores/{number}.npz")
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

    def save_example(self, number: int, kept: Mapping[str, Extremes]) -> None:
        """Top and bottom z of one example, by target."""
        arrays = {f"{target}/{name}": value for target, one in kept.items() for name, value in vars(one).items()}
        self._write_arrays(f"examples/{number}.npz", arrays)

    def examples(self) -> Iterator[dict[str, Extremes]]:
        """What is kept of each example that the sums have, in order, by target."""
        sums = self.sums()
        for number in range(sums.n_examples if sums else 0):
            arrays = self._read_arrays(f"examples/{number}.npz")
            yield {
                target: Extremes(**{f.name: arrays[f"{target}/{f.name}"] for f in fields(Extremes)})
                for target in (sums.targets if sums else ())
            }

    def save_sums(self, sums: ScoreSums) -> None:
        self._write_arrays("sums.npz", {name: np.asarray(value) for name, value in vars(sums).items()})

    def sums(self) -> ScoreSums | None:
        """Dense sums over the examples that are finished; None before the first."""
        if not (self.path / "sums.npz").exists():
            return None
        arrays = self._read_arrays("sums.npz")
        return ScoreSums(
            targets=tuple(arrays.pop("targets").tolist()),
            n_examples=int(arrays.pop("n_examples")),
            n_questions=int(arrays.pop("n_questions")),
            **arrays,
        )

    def save_loudness(self, loudness: NDArray[np.float32]) -> None:
        """loudness: mean |ŵ| over the attribution questions times the length of the write vector, (L, I)."""
        self._write_arrays("loudness.npz", {"loudness": loudness})

    def loudness(self) -> NDArray[np.float32] | None:
        """None before the attribution is finished, and in runs of an older version."""
        there = (self.path / "loudness.npz").exists()
        return self._read_arrays("loudness.npz")["loudness"] if there else None

    def save_ranking(self, ranking: NeuronRanking, method: str = "ace") -> None:
        arrays = {name: np.asarray(value) for name, value in vars(ranking).items()}
        self._write_arrays(f"rankings/{method}.npz", arrays)

    def ranking(self, method: str | None = None) -> NeuronRanking | None:
        """The neurons of the task by one method, else by the run's first; None before attribution is finished."""
        methods = self.config().attribution.methods
        if method is None:
            if not methods:
                return None
            method = methods[0]
        if not (self.path / f"rankings/{method}.npz").exists():
            return None
        arrays = self._read_arrays(f"rankings/{method}.npz")
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
        return bool(methods) and (self.path / f"rankings/{methods[0]}.npz").is_file()

    def rankings(self) -> dict[str, NeuronRanking]:
        """Every ranking that is finished, by method."""
        found = {method: self.ranking(method) for method in self.config().attribution.methods}
        return {method: ranking for method, ranking in found.items() if ranking is not None}
