"""Writes the results of an experiment as files, JSON rows and text. No torch."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from neuron_core.analysis.entries import MEASURES
from neuron_core.analysis.letter_free import MEASURES as LETTER_FREE
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.task_comparisons import Output
from neuron_core.figures.html_page import Section, html_report
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import write_file
from neuron_core.tasks.spreadsheet import safe_csv

REPORT = "report.html"


def write_files(
    folder: Path, setting: ExperimentSetting, runs: ExperimentRuns, outputs: Sequence[Output], seconds: float
) -> list[str]:
    """Writes every output as CSV and Parquet, setting.json, and one self-contained report.html. Returns the file
    names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for output in outputs:
        write_file(folder / f"{output.name}.csv", safe_csv(output.table).encode())
        write_file(folder / f"{output.name}.parquet", output.table.to_parquet(index=False))
        names += [f"{output.name}.csv", f"{output.name}.parquet"]
    whole = setting_of(setting, runs, seconds)
    write_file(folder / "setting.json", json.dumps(whole, indent=1, ensure_ascii=False).encode())
    times = seconds_table(runs)
    sections = [Section(o.name, o.title, o.text, o.printed, o.figures, o.title.partition(":")[0]) for o in outputs]
    sections.append(
        Section(
            "time",
            "Where the time went",
            f"This call took {seconds:.0f} s.",
            [("Seconds of each run, in all", times)],
            link="Where the time went",
        )
    )
    facts = _facts(runs)
    page = html_report(f"NeuronLLM experiments: {facts.title if facts else setting.model.title}", whole, sections)
    write_file(folder / REPORT, page.encode())
    return [*names, "setting.json", REPORT]


def setting_of(setting: ExperimentSetting, runs: ExperimentRuns, seconds: float) -> dict[str, Any]:
    """Everything on which the results depend: the settings, the loaded model, each task and each run."""
    tasks = {}
    for task, run in (runs.main or runs.content or runs.content_draws).items():
        made = run.setting()
        if made is None:
            continue
        tasks[task] = {
            "file": runs.tasks[task],
            "fingerprint": made.task_fingerprint,
            "kind": made.task_kind,
            "n_examples": made.n_examples,
            "n_rejected": made.n_rejected,
            "sample": made.sample.in_words if made.sample else "natural",
            "demonstration": made.demonstration_id,
            "attribution": list(dict.fromkeys(question.example_id for question in made.attribution)),
        }
    facts = _facts(runs)
    whole = {
        "model": asdict(facts) if facts else setting.model.title,
        "tasks": tasks,
        "settings": asdict(setting),
        "runs": [{"kind": kind, "task": task, "run": run.id} for kind, task, run in runs.each()],
        "seconds": round(seconds, 1),
    }
    found: dict[str, Any] = json.loads(json.dumps(whole))
    return found


def seconds_table(runs: ExperimentRuns) -> pd.DataFrame:
    """The time of every stage of every run, summed over resumes: columns kind, task, run, stage, seconds."""
    rows = [
        (kind, task, run.id, stage, round(seconds, 1))
        for kind, task, run in runs.each()
        for stage, seconds in run.status().seconds.items()
    ]
    return pd.DataFrame(rows, columns=["kind", "task", "run", "stage", "seconds"])


def result_of(
    folder: Path,
    setting: ExperimentSetting,
    runs: ExperimentRuns,
    outputs: Sequence[Output],
    files: Sequence[str],
    seconds: float,
) -> dict[str, Any]:
    """The dict that `--json` prints. `rows` has one row for each entry of every output; undefined numbers are null."""
    return {
        "outputs": [output.name for output in outputs],
        "rows": [{"output": output.name, **row} for output in outputs for row in json_rows(output.table)],
        "setting": setting_of(setting, runs, seconds),
        "time": json_rows(seconds_table(runs)),
        "folder": str(folder.resolve()),
        "files": list(files),
    }


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for JSON. NaN becomes null; NAME_low and NAME_high become NAME_interval, a pair or null."""
    rows = []
    for record in json.loads(table.to_json(orient="records", double_precision=15)):
        row = {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in record.items()
        }
        for name in dict.fromkeys((*MEASURES, *LETTER_FREE)):
            if f"{name}_low" in row:
                ends = [row.pop(f"{name}_low"), row.pop(f"{name}_high")]
                row[f"{name}_interval"] = None if None in ends else ends
        rows.append(row)
    return rows


def text_of(outputs: Sequence[Output], folder: Path, files: Sequence[str], seconds: float) -> str:
    """All outputs as text for a terminal, in the form of the paper's tables."""
    parts = []
    for output in outputs:
        parts.append(f"=== {output.title}\n{output.text}")
        printed = output.printed or [("", output.table)]
        parts += [f"--- {caption}\n{_lines(table)}" if caption else _lines(table) for caption, table in printed]
    parts.append(f"finished in {seconds:.0f} s; {len(files)} files in {folder}, the report is {folder / REPORT}")
    return "\n".join(parts)


def _lines(table: pd.DataFrame) -> str:
    if table.empty:
        return "(nothing)"
    return table.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="-", line_width=200)


def _facts(runs: ExperimentRuns) -> ModelFacts | None:
    return next((found.model for _, _, run in runs.each() if (found := run.setting()) is not None), None)
