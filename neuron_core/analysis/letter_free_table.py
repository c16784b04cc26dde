"""Every method's effect beside what no preference of letters moves (docs/method.md). No torch."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neuron_core.control.results import Best, Evaluation

UNMODIFIED = "unmodified"
COLUMNS = (
    "task",
    "method",
    "direction",
    "ratio",
    "rac",
    "rcc",
    "rac_content",
    "rac_letters",
    "content_acc",
    "content_margin",
    "acc_letters_removed",
)


def letter_free_table(evaluations: Mapping[str, Evaluation], k: int) -> pd.DataFrame:
    """One row a task, method and direction at the best ratio of budget k; the unmodified model before each task's.

    RAC, RCC and the two parts of RAC in percent; content accuracy and accuracy with letters removed as shares;
    content margin in nats. NaN where not measured or undefined.
    """
    rows: list[dict[str, Any]] = []
    for task, evaluation in evaluations.items():
        rows.append({"task": task, "method": UNMODIFIED} | _free(evaluation.baseline))
        rows += [{"task": task} | _best(best) for best in evaluation.best if best.k == k]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _best(best: Best) -> dict[str, Any]:
    names = ("rac", "rcc", "rac_content", "rac_letters")
    own = {name: getattr(best, name) for name in names}
    return {"method": best.source, "direction": best.direction, "ratio": best.ratio} | own | _free(best)


def _free(one: Any) -> dict[str, float | None]:
    return {name: getattr(one, name) for name in ("content_acc", "content_margin", "acc_letters_removed")}
