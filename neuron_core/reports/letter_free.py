"""Letter-free measures as text for a terminal. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def baseline_lines(baseline: Row) -> list[str]:
    """Two lines about the unmodified model; none if these measures are not known."""
    if baseline.get("acc_letters_removed") is None:
        return []
    lines = []
    if baseline.get("content_margin") is not None:
        margin = _with_interval(baseline, "content_margin", "{:.2f}")
        acc = _with_interval(baseline, "content_acc", "{:.1%}")
        lines.append(f"content: margin {margin} nats, accuracy {acc}")
    removed = _with_interval(baseline, "acc_letters_removed", "{:.1%}")
    lines.append(f"letters removed: accuracy {removed}; preference spreads over {baseline['letter_spread']:.2f} nats")
    return lines


def effect_lines(rows: Sequence[Row]) -> list[str]:
    """A table of the best ratios with content measures and the two parts of RAC; empty if these are not known."""
    known = [row for row in rows if row.get("rac_content") is not None and row.get("rac_letters") is not None]
    if not known:
        return []
    head = f"{'source':12} {'K':>5} {'direction':>10} {'ratio':>5}  {'margin, nats':>20} {'content acc':>11}"
    lines = [
        "Measures without the preference for letters, at the best ratios; RAC = content part + letter part:",
        f"{head} {'RAC':>7}  {'content part':>22} {'letter part':>22}",
    ]
    for row in known:
        margin = "-" if row.get("content_margin") is None else _with_interval(row, "content_margin", "{:.2f}")
        acc = "-" if row.get("content_acc") is None else f"{row['content_acc']:.1%}"
        parts = [_with_interval(row, name, "{:+.1f}") for name in ("rac_content", "rac_letters")]
        lines.append(
            f"{row['source'][:11]:12} {row['k']:>5} {row['direction']:>10} {row['ratio']:>5.1f}  {margin:>20} "
            f"{acc:>11} {row['rac']:>+7.1f}  {parts[0]:>22} {parts[1]:>22}"
        )
    return lines


def _with_interval(row: Row, name: str, form: str) -> str:
    interval = row.get(f"{name}_interval")
    ends = "" if interval is None else " [" + ", ".join(form.format(end) for end in interval) + "]"
    return form.format(row[name]) + ends
