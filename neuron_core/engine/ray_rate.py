"""What is said of a cluster while it works: nodes, actors, waiting batches and questions a second. No Ray."""

import time
from collections import deque

RATE_S = 60.0
"the time over which questions a second are counted"


class QuestionRate:
    """Counts the questions that were finished in the last minute."""

    def __init__(self) -> None:
        self._finished: deque[tuple[float, int]] = deque()
        "time at which a batch was finished, and its number of questions"

    def clear(self) -> None:
        """Begins anew, for a new stage."""
        self._finished.clear()

    def add(self, n_questions: int) -> None:
        """A batch was finished just now."""
        self._finished.append((time.monotonic(), n_questions))

    def in_words(self) -> str:
        """For instance `2.5 questions a second`. Empty before two batches have been finished."""
        now = time.monotonic()
        while self._finished and now - self._finished[0][0] > RATE_S:
            self._finished.popleft()
        if len(self._finished) < 2 or now <= self._finished[0][0]:
            return ""
        # The end of the first batch begins the time, so its questions are not counted.
        n = sum(n for _, n in self._finished) - self._finished[0][1]
        return f"{n / (now - self._finished[0][0]):.2g} questions a second"


def count(n: int, one: str, several: str | None = None) -> str:
    """For instance `1 node` and `2 nodes`."""
    return f"{n} {one if n == 1 else several or one + 's'}"
