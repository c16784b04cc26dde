"""Sums question scores example by example, and keeps only what later stages need, so that any number of questions
fits on a disk. No torch.
"""

from collections.abc import Iterable, Sequence

from neuron_core.cni.kept import add_example, no_sums
from neuron_core.cni.methods import targets_of
from neuron_core.cni.scores import AttributionScores
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting

BYTES_A_SCORE = 4
SAVED_EVERY = 16
"examples: the sums of a large model are as many bytes as the scores of three questions"


def scores_bytes(n_questions: int, n_targets: int, n_total: int) -> int:
    """Bytes on disk for whole question scores: for each of n_total neurons one float32 score a target, and its
    value.
    """
    return n_questions * (n_targets + 1) * n_total * BYTES_A_SCORE


class ExampleSums:
    """Takes in the examples of a run in order, as soon as all questions of one are scored.

    Each example is written as it is summed. The sums are written every SAVED_EVERY examples and after the last one, and
    only then the scores of questions that they count may be thinned. What a crash loses of the sums is added again, in
    the same order, from question scores on the disk. So it loses nothing and counts nothing twice.
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
        "examples that the sums on the disk have"
        self.scored = run.scored()
        "numbers of the questions that are finished"
        self.added: set[int] = set()
        "those that were scored since this was made"
        if self._thin:
            # A crash may have come after the sums and before this.
            self._thin_out(number for number in run.scored_apart() if number in self.scored)

    def add(self, number: int, scores: AttributionScores) -> None:
        """Writes the scores of one more question, and takes in what is complete with it."""
        self._run.save_scores(number, scores, apart=self._thin)
        self.scored.add(number)
        self.added.add(number)
        if self._thin:
            # Where its example is summed already, these scores were lost and are made again.
            self._thin_out([number])
        self.take_in()

    def take_in(self) -> None:
        """Sums every example whose questions are all scored, from the first one that is not summed yet."""
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
        """Of these questions, those that the sums on the disk count."""
        for number in numbers:
            if self._place[number] < self._saved:
                self._run.thin_scores(number)
