"""The Methods page: the paper's tables from runs at hand."""

import json
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest

from neuron_core.cni.methods import METHODS, PAPER_CONTROLS, PAPER_METHODS, RANKED
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.reports.run_page import tables_html
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from pages.shared.frame import session
from tests.pages.conftest import faults, figures, texts
from tests.pages.test_pages_runs import orders
from tests.run_helpers import revalue

__all__ = ["orders"]


@pytest.fixture(scope="session")
def all_methods(tiny_config, tiny_model, tmp_path_factory) -> RunFolder:
    """A run of every method."""
    config = replace(
        tiny_config,
        attribution=replace(tiny_config.attribution, methods=RANKED),
        evaluation=replace(tiny_config.evaluation, examples=6, random_seeds=1, methods=tuple(METHODS)),
    )
    run = Store(tmp_path_factory.mktemp("methods")).create(config)
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def every(runs, all_methods) -> RunFolder:
    shutil.copytree(all_methods.path, runs / all_methods.id)
    return RunFolder(runs / all_methods.id)


@pytest.mark.parametrize("name", ["Table 1", "Table 2", "Table 3", "Table 6", "Table 7"])
def test_a_table_is_shown_at_the_best_ratio_and_held_out_with_bars(open_page, every, name):
    app = open_page("methods")
    app.segmented_control(key="table").set_value(name).run()
    assert faults(app) == []
    printed, heldout, beside = (app.dataframe[place].value for place in range(1, 4))
    assert printed.columns.tolist() == [
        *heldout.columns,
        *("P(A-D) Deg", "P(A-D) Enh", "perplexity Deg", "perplexity Enh"),
    ]
    assert len(printed) == len(heldout) == len(beside) - 1
    assert len(figures(app)) == 1
    assert "optimistic" in texts(app)


def test_the_tables_can_be_had_as_one_report(open_page, full):
    labels = [button.label for button in open_page("methods").download_button]
    assert "Report of all tables, HTML" in labels
    assert '<section id="table1">' in tables_html({"mood": full}, 4)


def test_table_one_has_every_method_and_both_controls(open_page, every):
    app = open_page("methods")
    assert app.dataframe[0].value["method"].tolist() == list(METHODS)
    assert "Not yet run" not in texts(app)


def test_table_four_gives_the_unmodified_model(open_page, every):
    app = open_page("methods")
    app.segmented_control(key="table").set_value("Table 4").run()
    assert faults(app) == []
    baseline = every.evaluation().baseline
    assert app.dataframe[0].value["acc"].tolist() == [100 * baseline.acc]


def test_side_effects_stand_beside_every_method_and_before_them_the_unmodified_model(open_page, every):
    effects = every.side_effects()
    ours = next(one for one in effects.rows if (one.source, one.direction) == ("ace", "enhancer") and one.k == 4)
    app = open_page("methods")
    app.selectbox(key="methods_k").set_value(4).run()
    beside = app.dataframe[3].value.set_index("method")
    assert beside.index[0] == "unmodified"
    assert beside.loc["unmodified", "mood Enh"] == f"{100 * effects.letter_mass:.1f}% / {effects.perplexity:.4g}"
    assert beside.loc["ace", "mood Enh"] == f"{100 * ours.letter_mass:.1f}% / {ours.perplexity:.4g}"
    assert beside.loc["random", "mood Enh"] == ""
    entries = app.dataframe[4].value
    row = entries[(entries["method"] == "ace") & (entries["direction"] == "enhancer")].iloc[0]
    assert (row["letter_mass"], row["perplexity"]) == (ours.letter_mass, ours.perplexity)
    app.segmented_control(key="table").set_value("Table 4").run()
    assert app.dataframe[0].value["perplexity"].tolist() == [effects.perplexity]


def test_a_run_without_side_effects_has_empty_places_for_them(open_page, every):
    (every.path / "side_effects.json").unlink()
    app = open_page("methods")
    assert faults(app) == []
    assert "Side effects" not in texts(app)
    assert app.dataframe[1].value.columns.tolist() == app.dataframe[2].value.columns.tolist()
    assert app.dataframe[3].value["perplexity"].isna().all()
    app.segmented_control(key="table").set_value("Table 4").run()
    assert app.dataframe[0].value["letter_mass"].isna().all()


METHODS_LEFT = "Not yet run on all chosen tasks: TN, QRNCA, TN (enabled), QRNCA (enabled), KN, Activation, Random."


def test_methods_that_a_run_has_not_are_named_and_can_be_run(open_page, full, orders):
    app = open_page("methods")
    assert faults(app) == []
    assert METHODS_LEFT in texts(app)
    app.button(key="run_all_methods").click().run()
    ((kind, config),) = orders()
    assert (kind, config.task) == ("submit", full.config().task)
    assert config.attribution.methods == PAPER_METHODS
    assert config.evaluation.methods == (*PAPER_METHODS, *PAPER_CONTROLS)


def test_fail_and_undefined_are_words_in_the_table(open_page, every):
    def fail(evaluation):
        for best in evaluation["best"]:
            best["rac"], best["rcc"] = (None, None) if best["direction"] == "enhancer" else (-5.0, 4.0)

    revalue(every.path / "evaluation.json", fail)
    printed = open_page("methods").dataframe[1].value.set_index("method")
    assert printed.loc["ace", "mood Enh"] == "undefined"
    assert printed.loc["ace", "mood Deg"].startswith("Fail (")


def test_control_and_question_offer_every_method(open_page, every):
    control = open_page("control")
    assert faults(control) == []
    control.selectbox(key="control_source").set_value("tn").run()
    assert faults(control) == []
    assert "Ratio: 1, the only one evaluated" in texts(control)
    question = open_page("question")
    assert faults(question) == []
    question.multiselect(key="question_sources").set_value(["ace", "kn", "random"]).run()
    assert faults(question) == []
    assert len(question.dataframe[0].value) == 7


def test_figure_nine_says_how_it_is_measured_and_shows_what_was(open_page, every, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = open_page("methods")
    app.segmented_control(key="table").set_value("Figure 9").run()
    assert any("experiment fig9" in block.value for block in app.code)
    rows = [
        {"form": "ours, with QATT", "length": n, "seconds": 0.1, "seconds_low": 0.1, "seconds_high": 0.2}
        for n in (1, 2)
    ]
    setting = {"model": {"title": "tiny", "dtype": "float32", "device": "cpu"}, "cost": {"steps": 16}}
    (tmp_path / "experiment-report").mkdir()
    (tmp_path / "experiment-report" / "fig9-measured.json").write_text(json.dumps({"setting": setting, "rows": rows}))
    app.run()
    assert faults(app) == []
    assert len(figures(app)) == 1
    for damaged in ("{", "[]", json.dumps({"setting": setting})):
        (tmp_path / "experiment-report" / "fig9-measured.json").write_text(damaged)
        app.run()
        assert not app.exception
        assert any("measurement of Figure 9" in one for one in faults(app)), faults(app)


def script_of(app) -> str:
    """The comparison as Python."""
    (found,) = [code.value for code in app.code if "Store()" in code.value and "table = " in code.value]
    return found


def made_by(script: str, monkeypatch):
    """What a script calls `table`, on a machine without torch."""
    for module in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    names: dict[str, object] = {}
    exec(script, names)
    return names["table"]


@pytest.mark.parametrize("name", ["Table 1", "Table 2", "Table 3", "Table 4", "Table 6", "Table 7"])
def test_a_table_copied_as_python_makes_the_table_of_the_page(open_page, every, monkeypatch, name):
    app = open_page("methods")
    app.segmented_control(key="table").set_value(name).run()
    shown = next(one.value for one in app.dataframe if "complaint" in one.value or "verdict" in one.value)
    pd.testing.assert_frame_equal(made_by(script_of(app), monkeypatch), shown)


def test_a_run_outside_the_store_is_named_by_its_path_in_the_copied_python(open_page, all_methods, monkeypatch):
    monkeypatch.setattr(session, "DEMO_FOLDER", all_methods.path)
    app = open_page("methods", run=session.DEMO)
    assert repr(str(all_methods.path.resolve())) in script_of(app)
    assert set(made_by(script_of(app), monkeypatch)["method"]) == set(METHODS)


def test_the_tables_of_a_page_can_be_copied_as_one_command(open_page, full):
    app = open_page("methods", run=full.id)
    assert faults(app) == []
    assert [code.value for code in app.code if " experiment table1 --tasks " in code.value]


def test_letter_free_columns_stand_beside_rac_and_rcc(open_page, every):
    app = open_page("methods", table="letter-free", k="4")
    assert faults(app) == []
    shown = app.dataframe[0].value.set_index(["method", "direction"])
    best = next(b for b in every.evaluation().best if (b.source, b.k, b.direction) == ("content", 4, "degrader"))
    row = shown.loc[("content", "degrader")]
    assert row["rac"] == pytest.approx(row["rac_content"] + row["rac_letters"])
    assert (row["rac"], row["content_margin"]) == (best.rac, best.content_margin)
    assert app.dataframe[0].value["method"].tolist()[0] == "unmodified"


def test_rac_and_rcc_have_columns_of_their_own(open_page, every):
    app = open_page("methods", k="4")
    apart = app.dataframe[0].value.set_index("method")
    best = next(b for b in every.evaluation().best if (b.source, b.k, b.direction) == ("ace", 4, "degrader"))
    assert apart.loc["ace", "mood Deg"] == pytest.approx(best.rac, abs=0.06)
    # The average of one task says nothing more.
    assert [name for name in apart if "average" in name] == []
    app.segmented_control(key="methods_measure").set_value("RCC").run()
    apart = app.dataframe[0].value.set_index("method")
    # Undefined here: an unmodified model that comprehends nothing has nothing to lose.
    assert (best.rcc is None) == bool(pd.isna(apart.loc["ace", "mood Deg"]))
