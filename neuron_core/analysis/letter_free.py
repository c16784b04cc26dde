"""Tables of the measures that a model's preference for letters does not change (docs/method.md). No torch."""

from collections.abc import Mapping

import pandas as pd

from neuron_core.control.measures import Interval
from neuron_core.control.results import Baseline, Best, Evaluation, GridRow

UNMODIFIED = "unmodified"
"the method of a baseline's row"
HEAD = ("task", "method", "k", "direction", "ratio")
MEASURES = ("rac", "rcc", "rac_content", "rac_letters", "content_acc", "content_margin", "acc_letters_removed")


def letter_free_table(evaluations: Mapping[str, Evaluation], k: int | None = None) -> pd.DataFrame:
    """One row per task, method, budget and direction at its best ratio; each task begins with the unmodified model.

    evaluations: task → its evaluation. k: one budget, or None for all of them. The columns are HEAD and MEASURES. RAC,
    RCC and the two parts of RAC are percent; content accuracy and accuracy with letters removed are shares; the content
    margin is in nats. A measure that is undefined or was not taken is NaN.
    """
    rows: list[dict[str, object]] = []
    for task, evaluation in evaluations.items():
        rows.append({"task": task, "method": UNMODIFIED, **letter_free_columns(evaluation.baseline)})
        for best in evaluation.best:
            if k is None or best.k == k:
                head = {"task": task, "method": best.source, "k": best.k, "direction": best.direction}
                rows.append({**head, "ratio": best.ratio, "rcc": best.rcc, **letter_free_columns(best)})
    return pd.DataFrame(rows, columns=[*HEAD, *MEASURES])


def letter_free_columns(row: Baseline | GridRow | Best) -> dict[str, float | None]:
    """RAC and the letter-free measures of a row, each with the ends of its 95% interval as NAME_low and NAME_high.

    RAC and its parts are percent, accuracies are shares, the content margin and the letter spread are in nats. acc and
    letter_spread are None for the best of several ratios; RAC and its parts are None for the unmodified model.
    """
    found: dict[str, float | None] = {
        "acc": None if isinstance(row, Best) else row.acc,
        "letter_spread": None if isinstance(row, Best) else row.letter_spread,
        **_with_ends("content_acc", row.content_acc, row.content_acc_interval),
        **_with_ends("content_margin", row.content_margin, row.content_margin_interval),
        **_with_ends("acc_letters_removed", row.acc_letters_removed, row.acc_letters_removed_interval),
    }
    if isinstance(row, Baseline):
        return found | _with_ends("rac") | _with_ends("rac_content") | _with_ends("rac_letters")
    return (
        found
        | _with_ends("rac", row.rac, row.rac_interval)
        | _with_ends("rac_content", row.rac_content, row.rac_content_interval)
        | _with_ends("rac_letters", row.rac_letters, row.rac_letters_interval)
    )


def _with_ends(name: str, value: float | None = None, interval: Interval | None = None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
