"""The effects of an evaluation as one table: each best ratio with its controls. No torch."""

import pandas as pd

from neuron_core.control.measures import Interval
from neuron_core.control.results import Evaluation

CONTROL = "random+"
"random sets with the same numbers of neurons in every layer"
COLUMNS = (
    "method",
    "k",
    "direction",
    "ratio",
    "acc_before",
    "acc",
    "com_before",
    "com",
    "rac",
    "rac_low",
    "rac_high",
    "rac_content",
    "rac_letters",
    "rcc",
    "rcc_low",
    "rcc_high",
    "heldout_rac",
    "heldout_rac_low",
    "heldout_rac_high",
    "heldout_rcc",
    "heldout_rcc_low",
    "heldout_rcc_high",
    "random_rac",
    "random_rcc",
    "verdict",
)


def effects_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row for each method, budget K and direction, at the best of its ratios. Columns: COLUMNS.

    acc and com are shares. rac and rcc are percent, positive in the intended direction, missing where undefined; _low
    and _high are the ends of their 95% bootstrap intervals. rac_content and rac_letters add up to rac: the part that
    remains when letter preferences are removed, and the rest. heldout_: the ratio is chosen on one half of the examples
    and measured on the other. random_: the mean over the random control sets, each with its own best ratio; missing if
    none were evaluated.
    """
    cells = {(row.source, row.k, row.direction, row.ratio): row for row in evaluation.grid}
    controls = {(row.k, row.direction): row for row in evaluation.random_best if row.source == CONTROL}
    rows = []
    for best in evaluation.best:
        cell = cells[best.source, best.k, best.direction, best.ratio]
        control = controls.get((best.k, best.direction))
        row: dict[str, object] = {
            "method": best.source,
            "k": best.k,
            "direction": best.direction,
            "ratio": best.ratio,
            "acc_before": evaluation.baseline.acc,
            "acc": cell.acc,
            "com_before": evaluation.baseline.com,
            "com": cell.com,
            "rac_content": best.rac_content,
            "rac_letters": best.rac_letters,
            "random_rac": control.rac if control else None,
            "random_rcc": control.rcc if control else None,
            "verdict": best.verdict,
        }
        for name in ("rac", "rcc", "heldout_rac", "heldout_rcc"):
            row[name] = getattr(best, name)
            row[f"{name}_low"], row[f"{name}_high"] = _ends(getattr(best, f"{name}_interval"))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else interval
