"""Finished runs as one HTML file."""

import re
from dataclasses import replace
from html import escape

import pytest

from neuron_core.cni.methods import METHODS, RANKED, source_title
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import ASSETS
from neuron_core.qatt.config import PromptConfig
from neuron_core.reports.run_page import runs_html, tables_html
from neuron_core.reports.verdict import verdict_of
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.results import cell_of
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store


@pytest.fixture(scope="module")
def config(task_file, checkpoint):
    return RunConfig(
        task=str(task_file),
        model=ModelSpec(str(checkpoint("llama")), device="cpu"),
        prompt=PromptConfig(role="A role of <b>mine</b>."),
        attribution=AttributionConfig(methods=RANKED, steps=2, examples=2, z=12, k=4),
        evaluation=EvaluationConfig(examples=4, ks=(2, 4), random_seeds=1, methods=tuple(METHODS)),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="module")
def run(store, config, tiny_model):
    made = store.create(config)
    execute(made, lambda say: Engine.of(tiny_model("llama")))
    made.set_label("my label")
    return made


@pytest.fixture(scope="module")
def page(run):
    """The report of the run alone."""
    return runs_html({"one": run})


@pytest.fixture(scope="module")
def bare(store, config, tiny_model):
    """Neurons of one method and no evaluation."""
    few = replace(config, attribution=replace(config.attribution, methods=("ace",), steps=3), evaluation=None)
    made = store.create(few)
    execute(made, lambda say: Engine.of(tiny_model("llama")))
    return made


def anchors(page):
    return re.findall(r'<section id="([^"]+)">', page)


def test_a_run_is_reported_with_its_verdict_first_and_its_setting_last(run, page):
    top, last = page.split("<nav>")[0], page[page.index('<section id="setting">') :]
    assert "my label" in top
    evaluation = run.evaluation()
    source, k = evaluation.grid[0].source, max(best.k for best in evaluation.best)
    for best in evaluation.best:
        if (best.source, best.k) == (source, k):
            cell = cell_of(evaluation, k, best.ratio, best.direction, source)
            assert escape(verdict_of(cell, evaluation.baseline, run.setting().task_name).sentence) in top
    for said in (run.id, "my label", run.setting().task_fingerprint, run.setting().model.fingerprint):
        assert said in last
    assert "A role of &lt;b&gt;mine&lt;/b&gt;." in last
    assert anchors(page) == ["one-effects", "one-neurons", "one-baseline", "setting"]
    for section in page.split("<section ")[1:-1]:
        assert section.rindex('<div class="plot"') < section.index("<h3>")


def test_the_report_is_one_small_file_without_addresses(page):
    assert len(page.encode()) < 5_000_000
    assert "<script src=" not in page
    assert 'href="http' not in page


def test_the_report_of_the_demo_is_under_five_megabytes():
    assert len(runs_html({"demo": RunFolder(ASSETS / "demo_run")}).encode()) < 5_000_000


def test_sections_are_named_for_a_reader_and_numbers_have_three_figures(run, page):
    assert ">Interventions</a>" in page.split("</nav>")[0]
    assert "Interventions of" not in page
    for title in re.findall(r"<h[123]>(.*?)</h[123]>", page):
        assert run.id not in title
    cells = re.findall(r"<td>([−-]?[\d.,]+(?:e[-+]?\d+)?)</td>", page[: page.index('<section id="setting">')])
    assert [cell for cell in cells if "e" in cell or cell.startswith("-")] == []
    two = runs_html({"one": run, "two": run})
    assert f"Interventions of {escape(run.label())} (two)" in two


def test_its_numbers_are_those_of_the_run(run, page):
    evaluation, effects = run.evaluation(), run.side_effects()
    assert f"<td>{100 * evaluation.baseline.acc:.1f}</td>" in page
    best = next(row for row in run.rankings()["kn"].cut(4).good.tolist())
    assert f"<td>{best[0]}.{best[1]}</td>" in page
    assert f"{100 * effects.letter_mass:.1f}% / {effects.perplexity:.4g}" in page
    entries = page[page.index("All entries") :]
    for method in METHODS:
        assert f"<td>{source_title(method)}</td>" in entries
    # RAC and RCC over the ratio at two budgets.
    assert page.count('<div class="plot"') == 1 + len(RANKED) + 1 + 4 + 2


def test_a_run_without_an_evaluation_has_its_baseline_and_its_neurons(bare):
    page = runs_html({"one": bare})
    assert anchors(page) == ["one-neurons", "one-baseline", "setting"]
    assert "no evaluation has tried them yet" in page.split("<nav>")[0]


def test_two_runs_are_reported_beside_each_other(run, bare):
    page = runs_html({"one": run, "two": bare})
    assert anchors(page)[-2:] == ["comparison", "setting"]
    assert len(set(anchors(page))) == 7
    last = page[page.index('<section id="comparison">') :]
    assert "<td>attribution.steps</td><td>2</td><td>3</td>" in last
    assert "Neurons that both have" in last


def test_a_run_that_has_nothing_is_refused(store, config):
    with pytest.raises(RunError, match="nothing to report yet"):
        runs_html({"empty": store.create(config)})


def test_the_tables_of_runs_are_those_that_they_allow(run, store, config, tiny_model):
    page = tables_html({"mood": run}, 4)
    assert anchors(page) == ["table1", "table2", "table3", "table6", "table7", "table4", "setting"]
    assert "Not evaluated on every task" not in page
    assert "K = 4" in page
    few = replace(config, evaluation=replace(config.evaluation, methods=("ace",), ks=(4,)))
    made = store.create(replace(few, attribution=replace(few.attribution, methods=("ace",))))
    execute(made, lambda say: Engine.of(tiny_model("llama")))
    page = tables_html({"mood": made}, 4)
    assert anchors(page) == ["table1", "table3", "table6", "table7", "table4", "setting"]
    assert "Not evaluated on every task: TN, QRNCA, TN (enabled), QRNCA (enabled), KN, Activation, Random." in page


def test_tables_need_an_evaluation(bare):
    with pytest.raises(RunError, match="the evaluation of this run is not finished"):
        tables_html({"mood": bare}, 4)
