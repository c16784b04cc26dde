"""The experiment `parts`: how much of an effect is due to letters, to answering, and to the task itself."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neuron_core.analysis.letter_free import letter_free_columns
from neuron_core.analysis.parts import (
    PartMatrix,
    find_row,
    matrix_table,
    part_matrix,
)
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.results import Evaluation, SideEffects
from neuron_core.experiments.part_numbers import numbers_to_reach
from neuron_core.experiments.part_sets import ANSWERING, PART_KINDS, loud_names, part_names, parts_of
from neuron_core.experiments.plan import PARTS_RATIO, ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.task_comparisons import PAPER_DIRECTIONS, Output, effects_of, evaluations_of
from neuron_core.figures.effect import effect_splits
from neuron_core.figures.parts import no_share_in_words, part_heatmaps

KIND_TITLES = {"content": "content", "ace": "ACE (paper's method)", "own": "content without the common part"}


def parts_output(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """The effect of every set on its own task, the three cross-task matrices, and the numbers to reach."""
    evaluations, effects = evaluations_of(runs.parts), effects_of(runs.parts)
    table = own_table(setting, evaluations, effects)
    matrices = part_matrices(setting, evaluations)
    cells = pd.concat(
        [matrix_table(one, kind) for kind, both in matrices.items() for one in both.values()], ignore_index=True
    )
    numbers = numbers_to_reach(setting, evaluations, effects, matrices)
    parts = parts_of(runs.content, setting)
    printed = [(f"Each task's own sets, {direction}", _printed(table, direction)) for direction in PAPER_DIRECTIONS]
    for kind, both in matrices.items():
        for direction in PAPER_DIRECTIONS:
            title = f"{KIND_TITLES[kind]}, {direction}, K = {both[direction].k}: content margin, share of unmodified"
            printed.append((title, _square(both[direction])))
    printed.append(
        ("Cosine of the tasks' content scores", parts.correlations.round(3).rename_axis("task").reset_index())
    )
    printed.append(("Numbers to reach", numbers))
    figures = []
    for kind, both in matrices.items():
        figures.append((f"{KIND_TITLES[kind]}: content margin", part_heatmaps([both[one] for one in PAPER_DIRECTIONS])))
    tasks = list(evaluations)
    for kind in ("ace", "content"):
        names = part_names(kind, tasks)
        k = setting.k_of_parts
        found = [(task, find_row(one, names[task], k, "degrader", PARTS_RATIO)) for task, one in evaluations.items()]
        figures.append((f"Degrader of {KIND_TITLES[kind]}", effect_splits([(t, row) for t, row in found if row])))
    text = (
        f"Four rotations, ratio {PARTS_RATIO:g}, nothing chosen. Content measures do not change with a preference for "
        f"letters. RAC is the sum of rac_content and rac_letters. Of the common part, {4 * setting.k_of_parts} neurons "
        "are banned from each task's content ranking; what is left is the task's own."
    )
    if why := no_share_in_words([one for both in matrices.values() for one in both.values()]):
        text = f"{text} {why}."
    whole = pd.concat([table.assign(what="own task"), cells.assign(what="matrix")], ignore_index=True)
    return Output("parts", "Letter, answering or task", text, whole, printed, figures)


def own_table(
    setting: ExperimentSetting, evaluations: Mapping[str, Evaluation], effects: Mapping[str, SideEffects]
) -> pd.DataFrame:
    """The effects on every task: the unmodified model, and each method's set, its parts, random and loud sets.

    One row per source and direction. Columns: task, source, direction, k, those of `letter_free_columns`, margin_share,
    perplexity. For random and loud sets, values are means over the sets and intervals are their range.
    """
    k, tasks, rows = setting.k_of_parts, list(evaluations), []
    for task, evaluation in evaluations.items():
        before = evaluation.baseline
        measured = effects.get(task)
        perplexity = {(one.source, one.k, one.direction): one.perplexity for one in measured.rows} if measured else {}

        def row_of(
            source: str,
            direction: Direction | None,
            k: int | None,
            columns: Mapping[str, float | None],
            found: float | None,
            task: str = task,
            margin: float | None = before.content_margin,
        ) -> dict[str, object]:
            own = columns["content_margin"]
            share = own / margin if own is not None and margin else None
            head = {"task": task, "source": source, "direction": direction, "k": k}
            return {**head, **columns, "margin_share": share, "perplexity": found}

        rows.append(
            row_of("unmodified", None, None, letter_free_columns(before), measured.perplexity if measured else None)
        )
        for direction in PAPER_DIRECTIONS:
            ace = part_names("ace", tasks)[task]
            sources = [("ace", ace, k), ("ace", ace, 2 * k), ("content", part_names("content", tasks)[task], k)]
            sources += [("own", part_names("own", tasks)[task], 2 * k), (ANSWERING, ANSWERING, 2 * k)]
            for source, name, budget in (*sources, ("random+", "random+", k)):
                row = find_row(evaluation, name, budget, direction, PARTS_RATIO)
                if row is not None:
                    of_text = perplexity.get((f"{name}-0" if name == "random+" else name, budget, direction))
                    rows.append(row_of(source, direction, budget, letter_free_columns(row), of_text))
            loud = [find_row(evaluation, name, k, direction, PARTS_RATIO) for name in loud_names(setting)]
            each = [letter_free_columns(row) for row in loud if row is not None]
            if each:
                texts = [perplexity.get((name, k, direction)) for name in loud_names(setting)]
                known = [value for value in texts if value is not None]
                rows.append(row_of("as loud", direction, k, _over_sets(each), float(np.mean(known)) if known else None))
    return pd.DataFrame(rows)


def part_matrices(
    setting: ExperimentSetting, evaluations: Mapping[str, Evaluation]
) -> dict[str, dict[Direction, PartMatrix]]:
    """Kind of PART_KINDS → direction → the effect of each task's set of that kind on every task."""
    found: dict[str, dict[Direction, PartMatrix]] = {}
    for kind in PART_KINDS:
        k = setting.k_of_parts * (2 if kind == "own" else 1)
        names = part_names(kind, list(evaluations))
        found[kind] = {d: part_matrix(evaluations, names, k, d, PARTS_RATIO) for d in DIRECTIONS}
    return found


def _over_sets(each: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Means over several sets. NAME_low and NAME_high become the range of NAME."""
    found: dict[str, float | None] = {}
    for name in each[0]:
        base, _, end = name.rpartition("_")
        of, choose = (base, min if end == "low" else max) if end in ("low", "high") else (name, np.mean)
        values = [value for one in each if (value := one[of]) is not None]
        found[name] = float(choose(values)) if values else None
    return found


def _printed(table: pd.DataFrame, direction: Direction) -> pd.DataFrame:
    """The rows of one direction in few columns, with the unmodified model of each task first."""
    shown = table[(table["direction"] == direction) | (table["source"] == "unmodified")]
    margin = [
        "-" if pd.isna(m) else f"{m:.2f} [{low:.2f}, {high:.2f}]"
        for m, low, high in shown[["content_margin", "content_margin_low", "content_margin_high"]].itertuples(
            index=False
        )
    ]
    columns = ["task", "source", "k", "acc", "content_acc", "acc_letters_removed"]
    last = ["margin_share", "rac", "rac_content", "rac_letters", "letter_spread", "perplexity"]
    return pd.concat([shown[columns], pd.Series(margin, index=shown.index, name="margin"), shown[last]], axis=1)


def _square(matrix: PartMatrix) -> pd.DataFrame:
    """Rows: neurons of a task. Columns: evaluated tasks. Values: content margin as a share of the unmodified one."""
    values = np.round(matrix.values(share=True), 2)
    return pd.DataFrame(values, columns=list(matrix.tasks)).assign(**{"neurons of": matrix.sources})[
        ["neurons of", *matrix.tasks]
    ]
