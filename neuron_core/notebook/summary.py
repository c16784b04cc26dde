"""The small table that a run shows in a notebook, as HTML. No torch."""

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from neuron_core.notebook.run import Run

SHOWN = 5
"neurons of each role in the table"


def summary_html(run: "Run") -> str:
    """What the run is, its first neurons, and its effects at the largest budget, as far as they are known."""
    setting = run.folder.setting()
    task = setting.task_name if setting else run.config.task
    model = setting.model.title if setting else run.config.model.title
    head = f"<b>{html.escape(run.id)}</b>: {html.escape(task)}, {html.escape(model)}, {html.escape(run.state)}"
    parts = [f"<div>{head}</div>"]
    if run.folder.ranking() is not None:
        baseline = run.baseline()
        parts.append(f"<div>Accuracy {baseline.acc:.1%}, chance {baseline.chance:.0%}.</div>")
        if baseline.complaint:
            parts.append(f"<div><b>{html.escape(baseline.complaint)}</b></div>")
        parts.append(_table(run.neurons(SHOWN)))
    if run.folder.evaluation() is not None:
        effects = run.effects()
        columns = ["method", "k", "direction", "ratio", "rac", "heldout_rac", "random_rac", "verdict"]
        parts.append(_table(effects.loc[effects["k"] == effects["k"].max(), columns]))
    return as_text("".join(parts))


def as_text(inner: str) -> str:
    """The HTML in an element in which a notebook does not take dollar signs for formulas. Long names are wrapped."""
    return f'<div class="tex2jax_ignore mathjax_ignore" style="overflow-wrap: anywhere">{inner}</div>'


def _table(frame: pd.DataFrame) -> str:
    text: Any = frame.to_html(index=False, border=0, na_rep="", float_format=lambda value: f"{value:.3g}")
    return str(text)
