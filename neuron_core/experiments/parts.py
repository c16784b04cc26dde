"""Letter, answering or task: what the effects of several tasks' neurons are made of, with the numbers that say so."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neuron_core.analysis.parts import (
    PartMatrix,
    dense_scores,
    find_row,
    letter_free_columns,
    matrix_table,
    part_matrix,
)
from neuron_core.analysis.stability import agreement
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import dense_ranking
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.results import Evaluation, SideEffects
from neuron_core.errors import RunError
from neuron_core.experiments.part_sets import ANSWERING, PART_KINDS, loud_names, part_names, parts_of
from neuron_core.experiments.plan import PARTS_RATIO, ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.task_comparisons import DOWN, Output, effects_of, evaluations_of
from neuron_core.figures.experiments import agreement_bars
from neuron_core.figures.parts import effect_parts, part_heatmaps
from neuron_core.runs.run_folder import RunFolder

KIND_TITLES = {"content": "content", "ace": "ACE (paper's method)", "own": "content without the common part"}
WITHIN_ACC, WITHIN_MARGIN, LOW_MARGIN, LOW_ACC, WITHIN_PERPLEXITY = 0.05, 0.10, 0.2, 0.45, 0.25
TRUE_EFFECT = "sentiment"
"the bundled task whose content is asked to fall"
MOSTLY_LETTERS = ("ner", "chunking")
"bundled tasks on which the effect of ACE is asked to be letters"


def parts_output(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Every set on its own task, the three cross-task matrices, and the numbers to reach."""
    evaluations, effects = evaluations_of(runs.parts), effects_of(runs.parts)
    table = own_table(setting, evaluations, effects)
    matrices = part_matrices(setting, evaluations)
    cells = pd.concat(
        [matrix_table(one, kind) for kind, both in matrices.items() for one in both.values()], ignore_index=True
    )
    numbers = numbers_to_reach(setting, evaluations, effects, matrices)
    parts = parts_of(runs.content, setting)
    printed = [(f"Each task's own sets, {direction}", _printed(table, direction)) for direction in DOWN]
    for kind, both in matrices.items():
        for direction in DOWN:
            title = f"{KIND_TITLES[kind]}, {direction}, K = {both[direction].k}: content margin, share of unmodified"
            printed.append((title, _square(both[direction])))
    printed.append(
        ("Cosine of the tasks' content scores", parts.correlations.round(3).rename_axis("task").reset_index())
    )
    printed.append(("Numbers to reach", numbers))
    figures = []
    for kind, both in matrices.items():
        figures.append((f"{KIND_TITLES[kind]}: content margin", part_heatmaps([both[one] for one in DOWN])))
    tasks = list(evaluations)
    for kind in ("ace", "content"):
        names = part_names(kind, tasks)
        k = setting.k_of_parts
        found = [(task, find_row(one, names[task], k, "degrader", PARTS_RATIO)) for task, one in evaluations.items()]
        figures.append((f"Degrader of {KIND_TITLES[kind]}", effect_parts([(t, row) for t, row in found if row])))
    text = (
        f"Four rotations, ratio {PARTS_RATIO:g}, nothing chosen. Content measures do not move with a preference of "
        f"letters. RAC is the sum of rac_content and rac_letters. Of the common part, {4 * setting.k_of_parts} neurons "
        "are banned from each task's content ranking; what is left is the task's own."
    )
    whole = pd.concat([table.assign(what="own task"), cells.assign(what="matrix")], ignore_index=True)
    return Output("parts", "Letter, answering or task", text, whole, printed, figures)


def own_table(
    setting: ExperimentSetting, evaluations: Mapping[str, Evaluation], effects: Mapping[str, SideEffects]
) -> pd.DataFrame:
    """The unmodified model, each method's set of the task, its parts, random and loud sets: a row each a direction.

    Columns task, source, direction, k, those of `letter_free_columns`, margin_share, perplexity. Of random and loud
    sets values are means over the sets and intervals their range.
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
        for direction in DOWN:
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
    """Kind of PART_KINDS → direction → what each task's set of that kind does to every task."""
    found: dict[str, dict[Direction, PartMatrix]] = {}
    for kind in PART_KINDS:
        k = setting.k_of_parts * (2 if kind == "own" else 1)
        names = part_names(kind, list(evaluations))
        found[kind] = {d: part_matrix(evaluations, names, k, d, PARTS_RATIO) for d in DIRECTIONS}
    return found


def numbers_to_reach(
    setting: ExperimentSetting,
    evaluations: Mapping[str, Evaluation],
    effects: Mapping[str, SideEffects],
    matrices: Mapping[str, Mapping[Direction, PartMatrix]],
) -> pd.DataFrame:
    """Columns number, value, wanted, met: each as measured here. Of tasks that are not evaluated nothing is said."""
    rows: list[tuple[str, str, str, bool]] = []
    k, tasks = setting.k_of_parts, list(evaluations)
    if TRUE_EFFECT in evaluations:
        evaluation = evaluations[TRUE_EFFECT]
        before = evaluation.baseline
        row = find_row(evaluation, part_names("content", tasks)[TRUE_EFFECT], k, "degrader", PARTS_RATIO)
        margin, acc = before.content_margin, before.content_acc
        if row is not None and row.content_acc is not None and row.content_margin is not None and margin and acc:
            name = f"{TRUE_EFFECT}, content degrader, K = {k}"
            rows.append(
                (
                    f"{name}: content accuracy",
                    _number(row.content_acc),
                    f"at most {LOW_ACC}",
                    row.content_acc <= LOW_ACC,
                )
            )
            share = row.content_margin / margin
            rows.append((f"{name}: margin / unmodified", _number(share), f"at most {LOW_MARGIN}", share <= LOW_MARGIN))
            nulls = {
                f"as loud {i}": find_row(evaluation, n, k, "degrader", PARTS_RATIO)
                for i, n in enumerate(loud_names(setting), 1)
            }
            nulls["random+, mean"] = find_row(evaluation, "random+", k, "degrader", PARTS_RATIO)
            off = {
                n: one
                for n, one in nulls.items()
                if one and one.content_acc is not None and one.content_margin is not None
            }
            accs = {n: abs((one.content_acc or 0) - acc) for n, one in off.items()}
            margins = {n: abs((one.content_margin or 0) / margin - 1) for n, one in off.items()}
            for what, values, most in (
                ("content accuracy", accs, WITHIN_ACC),
                ("margin, relative", margins, WITHIN_MARGIN),
            ):
                worst = max(values, key=lambda n: values[n])
                rows.append(
                    (
                        f"{TRUE_EFFECT}, null sets: largest change of {what}",
                        f"{values[worst]:.3f} ({worst})",
                        f"within {most:g}",
                        values[worst] <= most,
                    )
                )
    for direction in DOWN:
        strongest = matrices["own"][direction].own_is_strongest()
        n = sum(strongest.values())
        rows.append(
            (
                f"own part, {direction}: diagonal the strongest of its column",
                f"{n} of {len(strongest)}",
                f"{len(strongest)} of {len(strongest)}",
                n == len(strongest),
            )
        )
    rows += _perplexities(setting, tasks, effects)
    budgets = [(task, n * setting.k_of_parts) for task in MOSTLY_LETTERS if task in evaluations for n in (1, 2)]
    for task, k in budgets:
        row = find_row(evaluations[task], part_names("ace", tasks)[task], k, "degrader", PARTS_RATIO)
        if row is None or row.rac is None:
            continue
        name = f"{task}, ACE degrader, K = {k}"
        if row.rac_letters is not None and row.rac_letters_interval is not None:
            low, high = row.rac_letters_interval
            said = f"RAC {row.rac:.1f}, letters {row.rac_letters:.1f} [{low:.1f}, {high:.1f}]"
            met = row.rac_letters > row.rac / 2 and low > 0
            rows.append((f"{name}: letters' part of RAC", said, "more than half, interval above 0", met))
        if row.acc_beyond_content is not None and row.acc_beyond_content_interval is not None:
            low, high = (100 * end for end in row.acc_beyond_content_interval)
            lost, beyond = 100 * (evaluations[task].baseline.acc - row.acc), 100 * row.acc_beyond_content
            said = f"{lost:.1f} points of accuracy lost, {beyond:.1f} [{low:.1f}, {high:.1f}] not in content accuracy"
            rows.append(
                (
                    f"{name}: lost beyond content",
                    said,
                    "more than half, interval above 0",
                    beyond > lost / 2 and low > 0,
                )
            )
    return pd.DataFrame(rows, columns=["number", "value", "wanted", "met"])


def _perplexities(
    setting: ExperimentSetting, tasks: Sequence[str], effects: Mapping[str, SideEffects]
) -> list[tuple[str, str, str, bool]]:
    """The neutral text under every task's own part."""
    if not effects:
        return []
    names, k = set(part_names("own", tasks).values()), 2 * setting.k_of_parts
    first = next(iter(effects.values()))
    found = {(one.source, one.direction): one.perplexity for one in first.rows if one.source in names and one.k == k}
    if not found:
        return []
    low, high, before = min(found.values()), max(found.values()), first.perplexity
    met = max(high / before - 1, 1 - low / before) <= WITHIN_PERPLEXITY
    return [
        (
            "own part: perplexity of the neutral text",
            f"{low:.1f} to {high:.1f} from {before:.1f}",
            f"within {WITHIN_PERPLEXITY:.0%}",
            met,
        )
    ]


def stability_output(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """How far the sets of `content` depend on which examples were drawn."""
    sets, tables = {}, []
    for task, run in runs.content_draws.items():
        rankings = content_of_draws(run, setting)
        sets[task] = agreement({str(i): ranking for i, ranking in enumerate(rankings)}, setting.k_of_parts)
        flat = np.stack([dense_scores(one).reshape(-1) for one in rankings])
        cosines = np.atleast_2d(np.corrcoef(flat))[np.triu_indices(len(flat), 1)]
        tables.append(sets[task].assign(task=task, cosine=float(cosines.mean()), cosine_low=float(cosines.min())))
    table = pd.concat(tables, ignore_index=True)
    text = (
        f"The method content on {setting.draws} disjoint draws of {setting.content_examples} examples: overlap of the "
        f"top K = {setting.k_of_parts} sets, and correlation of the scores of all neurons between draws."
    )
    figures = [("Jaccard over draws", agreement_bars(sets))]
    return Output("parts-stability", "Stability of content over draws", text, table, [("Sets", table)], figures)


def content_of_draws(run: RunFolder, setting: ExperimentSetting) -> list[NeuronRanking]:
    """The content ranking of each draw: sums of whole question scores. RunError where those were not kept."""
    made = run.setting()
    assert made is not None
    ids = list(dict.fromkeys(question.example_id for question in made.attribution))
    if not run.has_whole_scores():
        raise RunError("scores of single questions were not kept", where=run.id, accepted="a larger keep_bytes")
    sums = [np.zeros((made.model.n_layers, made.model.n_neurons)) for _ in range(setting.draws)]
    for number, question in enumerate(made.attribution):
        sums[ids.index(question.example_id) // setting.content_examples] += run.scores(number).of("content")
    return [dense_ranking(one, made.z) for one in sums]


def _over_sets(each: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Means over sets; NAME_low and NAME_high become the range of NAME."""
    found: dict[str, float | None] = {}
    for name in each[0]:
        base, _, end = name.rpartition("_")
        of, choose = (base, min if end == "low" else max) if end in ("low", "high") else (name, np.mean)
        values = [value for one in each if (value := one[of]) is not None]
        found[name] = float(choose(values)) if values else None
    return found


def _printed(table: pd.DataFrame, direction: Direction) -> pd.DataFrame:
    """The rows of one direction, the unmodified model of each task first, in few columns."""
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
    """Neurons of (rows) on every task (columns), as shares of the unmodified margin."""
    values = np.round(matrix.values(share=True), 2)
    return pd.DataFrame(values, columns=list(matrix.tasks)).assign(**{"neurons of": matrix.sources})[
        ["neurons of", *matrix.tasks]
    ]


def _number(value: float) -> str:
    return f"{value:.3f}"
