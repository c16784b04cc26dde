"""Adds the scores of questions to the sums of a run, example by example. Keeps only what later stages need, so that the
scores of any number of questions fit on a disk. No torch.
"""

from collections.abc import Iterable, Sequence

from neuron_core.cni.methods import targets_of
from neuron_core.cni.score_sums import add_example, no_sums
from neuron_core.cni.scores import AttributionScores
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting

BYTES_A_SCORE = 4
SAVED_EVERY = 16
"examples between two writes of the sums, which for a large model have as many bytes as the scores of three questions"


def scores_bytes(n_questions: int, n_targets: int, n_total: int) -> int:
    """Bytes on disk of all question scores: for each of n_total neurons, one float32 score for each target, and its
    value.
    """
    return n_questions * (n_targets + 1) * n_total * BYTES_A_SCORE


class ExampleSums:
    """Adds the examples of a run to its sums in order. An example is added when all of its questions are scored.

    The top and bottom z of an example are written when it is added. The sums are written after every SAVED_EVERY
    examples and after the last one. Only then the large arrays of the question scores that they include are dropped.
    After a crash, what the sums on the disk lack is added again in the same order, from the question scores. So nothing
    is lost and nothing is counted twice.
    """

    def __init__(self, run: RunFolder, setting: Setting) -> None:
        self._run, self._setting = run, setting
        self._targets = targets_of(run.config().attribution.methods)
        numbers: dict[str, list[int]] = {}
        for number, question in enumerate(setting.attribution):
            numbers.setdefault(question.example_id, []).append(number)
        self._examples: Sequence[list[int]] = list(numbers.values())
        self._place = {number: place for place, members in enumerate(self._examples) for number in members}
        size = scores_bytes(len(setting.attribution), len(self._targets), setting.model.n_total)
        self._thin = size > run.config().attribution.keep_bytes
        self._sums = run.sums() or no_sums(self._targets, setting.model.n_layers, setting.model.n_neurons)
        self._saved = self._sums.n_examples
        "number of examples in the sums on the disk"
        self.scored = run.scored()
        "numbers of the questions that are finished"
        self.added: set[int] = set()
        "numbers of the questions that were scored since this object was made"
        if self._thin:
            # After a crash, the last example may be in the sums while its large arrays are still there.
            self._thin_out(number for number in run.scored_apart() if number in self.scored)

    def add(self, number: int, scores: AttributionScores) -> None:
        """Writes the scores of one more question, and adds its example to the sums if that is complete now."""
        self._run.save_scores(number, scores, apart=self._thin)
        self.scored.add(number)
        self.added.add(number)
        if self._thin:
            # If its example is in the sums already, these scores were lost and were computed again.
            self._thin_out([number])
        self.take_in()

    def take_in(self) -> None:
        """Adds examples to the sums, up to the first one with a question that is not scored."""
        while (place := self._sums.n_examples) < len(self._examples) and self.scored.issuperset(self._examples[place]):
            questions = [self._run.scores(number) for number in self._examples[place]]
            self._sums, kept = add_example(self._sums, questions, self._setting.z)
            if not self._run.has_example(place) or self.added.intersection(self._examples[place]):
                self._run.save_example(place, kept)
            if self._sums.n_examples % SAVED_EVERY == 0 or self._sums.n_examples == len(self._examples):
                self._save(range(self._saved, self._sums.n_examples))

    def _save(self, places: range) -> None:
        self._run.save_sums(self._sums)
        self._saved = self._sums.n_examples
        if self._thin:
            self._thin_out(number for place in places for number in self._examples[place])

    def _thin_out(self, numbers: Iterable[int]) -> None:
        """Drops the large arrays of those of these questions that are in the sums on the disk."""
        for number in numbers:
            if self._place[number] < self._saved:
                self._run.thin_scores(number)
