"""Results as text for a terminal: NAME_text makes lines from the dict that `reports.results.NAME` returns. No torch."""

from collections.abc import Mapping
from typing import Any

from neuron_core.control.probabilities import EVEN
from neuron_core.reports.letter_free import baseline_lines, effect_lines
from neuron_core.reports.results import Result, rejected
from neuron_core.runs.results import BAND
from neuron_core.tasks.load import TaskReading

REASONS_SHOWN = 5
NEURONS_SHOWN = 10


def rejected_text(reading: TaskReading) -> str:
    """The number of rejected rows, and the first reasons."""
    n, n_rows = len(reading.rejected), len(reading.rejected) + len(reading.task.examples)
    return "\n".join([f"{n} of {n_rows} rows of {reading.task.source} are not used:", *_reasons(rejected(reading))])


def preview_text(result: Result) -> str:
    head = f"{result['task']} ({result['kind']}): {result['n_examples']} examples, {result['n_rejected']} rows rejected"
    blocks = [f"--- {q['id']}  correct: {q['correct']}\n{q['prompt']}" for q in result["questions"]]
    return "\n".join([head, *result["notes"], *_reasons(result), *blocks])


def baseline_text(result: Result) -> str:
    counts = f"{result['n_questions']} questions, {result['n_examples']} examples"
    head = f"{result['model']['title']} on {result['task']}: {counts}"
    return "\n".join([head, *_competence(result)])


def attribution_text(result: Result) -> str:
    model, gap = result["model"], result["completeness_gap"]
    lines = [
        f"run {result['run']}  ({result['path']})",
        f"{model['title']}, {model['dtype']} on {model['device']}; {result['task']}, {result['n_questions']} questions",
        *_competence(result["baseline"]),
        f"z = {result['z']}, K = {result['k']} ({result['share']:.3%} of {model['n_layers']} x {model['n_neurons']} "
        f"neurons, preset {result['preset']}); {result['n_ambiguous']} ambiguous neurons set to 0",
        f"completeness gap |mean| {gap['mean']:.1%}, largest {gap['largest']:.1%}",
        f"{'good':>10} {'score':>11}   {'bad':>10} {'score':>11}",
    ]
    most = max(len(result["good"]), len(result["bad"]))
    for i in range(min(NEURONS_SHOWN, most)):
        sides = [result[role][i : i + 1] for role in ("good", "bad")]
        cells = [f"{one[0]['id']:>10} {one[0]['score']:>11.3e}" if one else " " * 22 for one in sides]
        lines.append("   ".join(cells).rstrip())
    if most > NEURONS_SHOWN:
        lines.append(f"… the first {NEURONS_SHOWN} of {most}; --json gives all")
    for role in ("good", "bad"):
        if len(result[role]) < result["k"]:
            lines.append(f"only {len(result[role])} {role} neurons were found; K is {result['k']}")
    return "\n".join(lines)


def evaluation_text(result: Result) -> str:
    head = f"run {result['run']}  ({result['path']})"
    return "\n".join([head, baseline_text({**result, **result["baseline"]}), _best_text(result)])


def demo_text(result: Result) -> str:
    parts = [
        "--- preview: one of the questions",
        f"{result['preview']['prompt']}   (correct: {result['preview']['correct']})",
        "--- baseline",
        baseline_text({**result, **result["baseline"]}),
        "--- neurons",
        attribution_text(result["attribution"]),
        "--- interventions",
        _best_text(result),
        f"finished in {result['total_s']:.1f} s",
    ]
    return "\n".join(parts)


def _side_effects(effects: Result) -> list[str]:
    """Perplexity and letter mass at the best ratios, with one line for each source and random set."""
    lines = [f"neutral text: perplexity {effects['perplexity']:.3g} unmodified; at the best ratios:"]
    for row in effects["rows"]:
        mass = "" if row["letter_mass"] is None else f", P(A-D) {row['letter_mass']:.1%}"
        lines.append(f"  {row['source']:10} K = {row['k']:<4} {row['direction']}: {row['perplexity']:.3g}{mass}")
    return lines


def _reasons(result: Result) -> list[str]:
    """The first reasons why rows are rejected, one per line."""
    shown = [f"  {reason}" for reason in result["rejected"][:REASONS_SHOWN]]
    more = result["n_rejected"] - len(shown)
    return [*shown, *([f"  … and {more} more; `preview --json` gives all"] if more else [])]


def _competence(baseline: Mapping[str, Any]) -> list[str]:
    low, high = baseline["acc_interval"]
    letters = ", ".join(f"{letter} {share:.0%}" for letter, share in baseline["letters"].items())
    lines = [
        f"accuracy {baseline['acc']:.1%} [{low:.1%}, {high:.1%}], chance {baseline.get('chance', EVEN):.0%}; "
        f"comprehension {baseline['com']:.1%}",
        f"letters chosen: {letters}",
    ]
    lines += baseline_lines(baseline)
    return [*lines, *([f"Warning: {baseline['complaint']}"] if baseline["complaint"] else [])]


def _best_text(result: Result) -> str:
    """The best ratio of every budget and direction, with its held-out value and random neurons."""
    names = f"{'RAC':>9} {'RCC':>9}"
    controls = {(row["k"], row["direction"]): row for row in result["random_best"] if row["source"] == BAND}
    several = len(result["n_ranked"]) > 1
    lead = f"{'source':12}" if several else ""
    lines = [
        f"{lead and ' ' * 12}{'':>23}{'best of all ratios':>19}  {'':10}{'held out':>19}  {'random, best':>19}",
        f"{lead}{'K':>5} {'direction':>10} {'ratio':>5} {names}  {'verdict':10}{names}  {names}",
    ]
    for direction, rows in result["best"].items():
        for row in rows:
            control = controls.get((row["k"], direction))
            random = f"{_percent(control['rac'])} {_percent(control['rcc'])}" if control else f"{'-':>9} {'-':>9}"
            lines.append(
                f"{row['source'][:11]:12}"
                * several
                + f"{row['k']:>5} {direction:>10} {row['ratio']:>5.1f} {_percent(row['rac'])} {_percent(row['rcc'])}  "
                f"{row['verdict']:10}{_percent(row['heldout_rac'])} {_percent(row['heldout_rcc'])}  {random}"
            )
    for source, ranked in result["n_ranked"].items():
        rows = [row for row in result["grid"] if row["source"] == source]
        if short := sorted({row["k"] for row in rows if row["n_good"] + row["n_bad"] < row["k"]}):
            lines.append(
                f"the ranking of {source} has {ranked['good']} good and {ranked['bad']} bad neurons: "
                f"K = {', '.join(map(str, short))} uses fewer than K at some ratios"
            )
    lines += effect_lines([row for rows in result["best"].values() for row in rows])
    if effects := result["side_effects"]:
        lines += _side_effects(effects)
    if result["sample"]:
        lines.append(result["sample"]["said"])
    lines += [
        "RAC and RCC in percent, positive in the intended direction. The best of all ratios is optimistic;",
        "held out, the ratio is chosen on one half of the examples and measured on the other.",
    ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return f"{'undef':>9}" if value is None else f"{value:+8.1f}%"
