"""An experiment on a tiny model: what is run, what is used again, what its tables hold."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.errors import ConfigError
from neuron_core.experiments.files import json_rows, result_of, seconds_table, text_of, write_files
from neuron_core.experiments.make_runs import make_runs
from neuron_core.experiments.outputs import make_output
from neuron_core.experiments.plan import OUTPUTS, ExperimentSetting
from neuron_core.experiments.runs import find_run, is_finished
from neuron_core.experiments.set_files import rankings_of_draws
from neuron_core.models.prepare import prepare_model
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.store import Store
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, write_jsonl

__all__ = ["checkpoint", "one_thread", "tiny_model"]

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = [name for name in OUTPUTS if name != "fig9"]


@pytest.fixture(scope="module")
def setting(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    write_jsonl(folder / "mood.jsonl", classification_rows(24))
    write_jsonl(folder / "tone.jsonl", classification_rows(24, ("good", "fair", "bad")))
    return ExperimentSetting(
        tasks=(str(folder / "mood.jsonl"), str(folder / "tone.jsonl")),
        model=ModelSpec(str(checkpoint("llama")), device="cpu"),
        k=6,
        z=12,
        examples=6,
        attribution_examples=2,
        content_examples=2,
        draws=2,
        steps=4,
        random_seeds=2,
        ratios=(0.0, 0.5, 1.0),
        budgets=(2, 6),
    )


class Ledger:
    """Makes runs in one store and notes which questions were asked."""

    def __init__(self, root, tiny_model):
        self.store, self.folder, self.tiny_model = Store(root / "runs"), root / "out", tiny_model
        self.asked = 0

    def make(self, setting, names=NAMES, stop_after=None, loaded=None):
        def progress(status):
            self.asked += status.stage in ("attribution", "evaluation") and status.done > 0
            if stop_after is not None and self.asked >= stop_after:
                raise KeyboardInterrupt

        self.asked = 0
        engine = Engine.of(loaded or self.tiny_model("llama"))
        return make_runs(setting, names, self.store, self.folder, lambda say: engine, on_progress=progress)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory, tiny_model):
    return Ledger(tmp_path_factory.mktemp("experiment"), tiny_model)


@pytest.fixture(scope="module")
def runs(ledger, setting):
    return ledger.make(setting)


@pytest.fixture(scope="module")
def outputs(setting, runs):
    return {name: make_output(name, setting, runs) for name in NAMES}


def test_every_kind_of_run_is_made_once_and_finished(runs):
    kinds = [(kind, task) for kind, task, run in runs.each() if is_finished(run)]
    both = ("mood", "tone")
    assert kinds == [
        *(("main", task) for task in both),
        *(("sets", task) for task in both),
        ("budgets", "tone"),
        *(("draws", task) for task in both),
        *(("draw_sets", task) for task in both),
        ("steps", "tone"),
        *(("content", task) for task in both),
        *(("paper", task) for task in both),
        *(("parts", task) for task in both),
        *(("content_draws", task) for task in both),
        ("dose", "tone"),
    ]


def test_a_second_time_nothing_is_asked_and_the_same_runs_are_used(ledger, setting, runs):
    again = ledger.make(setting)
    assert ledger.asked == 0
    assert [run.id for _, _, run in again.each()] == [run.id for _, _, run in runs.each()]


def test_another_seed_or_a_changed_task_file_is_another_run(ledger, setting, runs):
    config = runs.main["mood"].config()
    fingerprint = runs.setting("mood").task_fingerprint
    assert find_run(ledger.store, config, {}, fingerprint).id == runs.main["mood"].id
    assert find_run(ledger.store, replace(config, seed=9), {}, fingerprint) is None
    assert find_run(ledger.store, config, {}, "another") is None


def test_a_run_of_a_model_whose_files_hold_another_one_now_is_not_used(
    ledger, setting, tiny_model, checkpoint, tmp_path
):
    folder = shutil.copytree(checkpoint("llama"), tmp_path / "model")
    own = replace(setting, model=replace(setting.model, source=str(folder)))
    before = ledger.make(own, ["table4"]).main["mood"]
    # The same weights, written anew: it is the model that counts, not the time of its files.
    (folder / "config.json").write_bytes((folder / "config.json").read_bytes())
    assert ledger.make(own, ["table4"]).main["mood"].id == before.id
    assert ledger.asked == 0
    weight = tiny_model("llama").down_projections[0].weight
    kept = weight[:, 3].clone()
    weight[:, 3] = 0.0
    other = prepare_model(own.model, tiny_model("llama").model, tiny_model("llama").tokenizer)
    try:
        assert ledger.make(own, ["table4"], loaded=other).main["mood"].id != before.id
    finally:
        weight[:, 3] = kept


def test_a_finished_run_is_preferred_to_a_newer_one_that_is_not(ledger, runs):
    made = runs.steps["tone"]
    newer = ledger.store.create(made.config(), ledger.store.root / "99991231-235959-tone-ffff")
    try:
        fingerprint = runs.setting("tone").task_fingerprint
        assert ledger.store.runs()[0].id == newer.id
        assert find_run(ledger.store, made.config(), {}, fingerprint).id == made.id
    finally:
        shutil.rmtree(newer.path)


def test_other_neurons_under_the_same_name_are_another_run(ledger, runs):
    run = runs.sets["mood"]
    fingerprint, files = runs.setting("mood").task_fingerprint, run.sets()
    assert find_run(ledger.store, run.config(), files, fingerprint).id == run.id
    name, one = next(iter(files.items()))
    fewer = {**files, name: replace(one, neurons=one.neurons[:-1])}
    assert find_run(ledger.store, run.config(), fewer, fingerprint) is None


def test_what_a_stop_left_is_gone_on_with(tmp_path, tiny_model, setting, runs):
    ledger = Ledger(tmp_path, tiny_model)
    with pytest.raises(KeyboardInterrupt):
        ledger.make(setting, ["table1"], stop_after=4)
    (half,) = ledger.store.runs()
    assert 0 < len(half.scored()) < 6
    done = ledger.make(setting, ["table1"])
    assert done.main["mood"].id == half.id
    first, second = (make_output("table1", setting, one).table for one in (done, runs))
    pd.testing.assert_frame_equal(first, second)


def test_sets_are_asked_the_questions_of_the_main_run_and_draws_none_of_their_own(runs):
    for task in ("mood", "tone"):
        assert runs.sets[task].setting().evaluation == runs.setting(task).evaluation
        assert runs.budgets.get(task, runs.sets[task]).setting().evaluation == runs.setting(task).evaluation
        found_on = {question.example_id for question in runs.draws[task].setting().attribution}
        asked = {question.example_id for question in runs.draw_sets[task].setting().evaluation}
        assert len(found_on) == 4
        assert not found_on & asked


def test_the_first_draw_is_the_main_run(setting, runs):
    first = rankings_of_draws(runs, setting, "mood")[0]
    main = runs.main["mood"].ranking("ace")
    assert first.neurons.tolist() == main.neurons.tolist()
    # More questions share a shorter beginning of their prompts: equal within the rounding of float32.
    assert first.scores.tolist() == pytest.approx(main.scores.tolist(), rel=1e-4)


def test_table_1_has_every_method_task_and_direction_with_their_averages(outputs):
    table = outputs["table1"].table
    assert len(table) == 9 * 3 * 2
    assert set(table["task"]) == {"mood", "tone", "average"}
    assert set(table["method"]) == {"ace", "tn", "qrnca", "tn+", "qrnca+", "kn", "act", "random", "random+"}


def test_table_1_says_the_threshold_of_kn_and_how_many_entries_averages_leave_out(outputs, runs):
    text, table = outputs["table1"].text, outputs["table1"].table
    for task, run in runs.main.items():
        assert f"KN on {task}: {run.ranking('kn').note}" in text
    single = table[table["task"] != "average"]
    n = int((single["verdict"] == "undefined").sum())
    assert (f"{n} of 36 entries are undefined" in text) == (n > 0)


def test_numbers_of_the_tables_are_those_of_the_runs(outputs, runs):
    best = next(b for b in runs.main["mood"].evaluation().best if (b.source, b.direction) == ("ace", "degrader"))
    table = outputs["table1"].table
    row = table[(table["method"] == "ace") & (table["task"] == "mood") & (table["direction"] == "degrader")].iloc[0]
    assert (row["ratio"], row["rac"], row["heldout_rac"]) == (best.ratio, best.rac, best.heldout_rac)
    seven = outputs["table7"].table
    assert set(seven["k"]) == {2, 6}
    assert set(seven["method"]) == {"ace", "tn", "qrnca"}
    assert set(seven[seven["method"] == "tn"]["ratio"].dropna()) == {1.0}


def test_side_effects_of_the_tables_are_those_of_the_runs(outputs, runs):
    effects = runs.main["tone"].side_effects()
    table = outputs["table1"].table
    table = table[(table["task"] == "tone") & (table["direction"] == "enhancer")].set_index("method")
    for method, source in (("ace", "ace"), ("kn", "kn"), ("random+", "random+-0")):
        one = next(row for row in effects.rows if (row.source, row.direction) == (source, "enhancer"))
        assert (table.loc[method, "letter_mass"], table.loc[method, "perplexity"]) == (one.letter_mass, one.perplexity)
    assert set(table["unmodified_perplexity"]) == {effects.perplexity}
    assert outputs["table4"].table["perplexity"].tolist() == [effects.perplexity] * 2
    seven = outputs["table7"].table
    assert seven[seven["task"] == "tone"]["perplexity"].notna().all()
    for name in ("table1", "table2", "table3", "table5", "table6", "table7"):
        caption, printed = outputs[name].printed[2]
        assert caption.startswith("Side effects")
        assert "unmodified" in printed.iloc[0].tolist()
        assert "P(A-D) Enh" in outputs[name].printed[0][1]


def test_table_7_at_the_main_budget_is_table_1(outputs):
    where = ["method", "task", "direction", "rac", "rcc", "ratio"]

    def of(name):
        table = outputs[name].table
        table = table[(table["k"] == 6) & (table["task"] == "tone") & table["method"].isin(["ace", "tn", "qrnca"])]
        return table[where].sort_values(where[:3]).reset_index(drop=True)

    pd.testing.assert_frame_equal(of("table7"), of("table1"))


def test_the_diagonal_of_the_matrices_is_the_best_of_each_task(outputs, runs):
    table = outputs["fig2"].table
    own = table[(table["source"] == "mood") & (table["task"] == "mood") & (table["direction"] == "degrader")].iloc[0]
    best = next(
        b
        for b in runs.sets["mood"].evaluation().best
        if b.source == "specific-1-mood" and b.direction == "degrader" and b.k == 6
    )
    assert (own["ratio"], own["rac"]) == (best.ratio, best.rac)
    column = table[(table["source"] == "mood") & (table["direction"] == "degrader")]
    assert column["ratio"].nunique() == 1
    assert len(table) == 8


def test_figure_10_shows_the_question_asked_for(setting, runs, outputs):
    assert set(outputs["fig10"].table["task"]) == {"mood", "tone"}
    asked = runs.setting("tone").evaluation[4].id
    table = make_output("fig10", replace(setting, question=asked), runs).table
    assert set(table["question"]) == {asked}
    assert table["method"].tolist() == ["original", "qrnca", "tn", "ace, good", "ace, bad", "ace, both"] * 2
    with pytest.raises(ConfigError, match="no task was asked the question 'nothing#1'"):
        make_output("fig10", replace(setting, question="nothing#1"), runs)


def test_rows_as_json_have_intervals_as_pairs_and_null_for_undefined(setting, runs, outputs, tmp_path):
    result = result_of(tmp_path, setting, runs, list(outputs.values()), [], 1.0)
    text = json.dumps(result, allow_nan=False)
    rows = [row for row in json.loads(text)["rows"] if row["output"] == "table1"]
    wanted = {"method", "task", "direction", "rac", "rcc", "heldout_rac", "heldout_rcc", "verdict", "rac_interval"}
    assert all(wanted | {"letter_mass", "perplexity", "unmodified_perplexity"} <= set(row) for row in rows)
    assert {row["perplexity"] for row in rows if row["method"] == "random"} == {None}
    assert all(row["verdict"] in ("ok", "fail", "undefined") for row in rows)
    assert json_rows(pd.DataFrame({"rac": [1.5, None], "rac_low": [1.0, None], "rac_high": [2.0, None]})) == [
        {"rac": 1.5, "rac_interval": [1.0, 2.0]},
        {"rac": None, "rac_interval": None},
    ]


def test_files_hold_the_same_tables_and_the_report_its_setting(setting, runs, outputs, tmp_path):
    names = write_files(tmp_path, setting, runs, list(outputs.values()), 2.0)
    assert all((tmp_path / name).is_file() for name in names)
    table = outputs["table6"].table
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table6.parquet"), table)
    assert pd.read_csv(tmp_path / "table6.csv")["rac"].tolist() == pytest.approx(table["rac"].tolist(), nan_ok=True)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 10_000_000
    settings = page.split('<section id="setting">')[1]
    assert runs.main["mood"].id in settings
    assert "<th>sample</th><td>natural</td>" in settings
    assert all(f'<section id="{name}">' in page for name in NAMES)
    whole = json.loads((tmp_path / "setting.json").read_text())
    assert (whole["settings"]["k"], whole["settings"]["draws"]) == (6, 2)
    assert [run["kind"] for run in whole["runs"]][:2] == ["main", "main"]


def test_text_has_every_title_and_the_time_of_every_stage(runs, outputs, tmp_path):
    text = text_of(list(outputs.values()), tmp_path, [], 2.0)
    assert all(output.title in text for output in outputs.values())
    assert {"loading", "attribution", "evaluation"} <= set(seconds_table(runs)["stage"])
