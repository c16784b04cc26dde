"""What an experiment asks for, before anything is run."""

import pytest

from neuron_core.cni.methods import PAPER_CONTROLS, PAPER_METHODS
from neuron_core.errors import ConfigError
from neuron_core.experiments.plan import (
    OUTPUTS,
    SEVERAL_TASKS,
    ExperimentSetting,
    draws_config,
    main_config,
    set_names,
    sets_config,
    steps_config,
    wanted_outputs,
)
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import SetUse

SETTING = ExperimentSetting(tasks=("ner", "sentiment"), model=ModelSpec(), k=13, seed=3)


def test_all_is_every_output_in_the_papers_order():
    assert wanted_outputs(["all"], SETTING) == tuple(OUTPUTS)
    assert wanted_outputs(["fig4", "table1", "fig2"], SETTING) == ("table1", "fig2")


def test_one_task_and_one_draw_leave_out_what_compares_several():
    alone = ExperimentSetting(tasks=("ner",), model=ModelSpec(), k=13, draws=1)
    found = wanted_outputs(["all"], alone)
    assert not set(found) & {*SEVERAL_TASKS, "stability"}
    assert "table7" in found
    with pytest.raises(ConfigError, match="fig2 with one task"):
        wanted_outputs(["fig2"], alone)
    with pytest.raises(ConfigError, match="stability over 1 draws"):
        wanted_outputs(["stability"], alone)


def test_an_unknown_output_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"unknown experiment 'table9'.*table1.*fig10.*fig4"):
        wanted_outputs(["table9"], SETTING)


def test_the_main_run_has_every_method_at_one_budget():
    config = main_config(SETTING, "ner")
    assert config.attribution.methods == PAPER_METHODS
    assert config.evaluation.methods == (*PAPER_METHODS, *PAPER_CONTROLS)
    assert (config.evaluation.ks, config.evaluation.random_seeds, config.seed) == ((13,), 5, 3)


def test_draws_are_one_attribution_of_all_their_examples():
    config = draws_config(SETTING, "ner")
    assert (config.attribution.methods, config.attribution.examples, config.evaluation) == (("ace",), 25, None)
    assert steps_config(SETTING, "ner").attribution.steps == 64


def test_neuron_sets_keep_the_attribution_examples_out_of_what_is_asked():
    config = sets_config(SETTING, "ner", [SetUse("a.json", "common")])
    assert (config.attribution.methods, config.attribution.examples) == ((), 5)
    assert sets_config(SETTING, "ner", [SetUse("a.json", "draw-1")], n_attribution=25).attribution.examples == 25


def test_names_of_sets_are_different_and_plain():
    assert set_names("specific", ["My task!", "My task?"]) == {
        "My task!": "specific-1-My-task",
        "My task?": "specific-2-My-task",
    }


def test_settings_that_make_no_table_are_refused():
    with pytest.raises(ConfigError, match="0 and 1 among them"):
        ExperimentSetting(tasks=("ner",), model=ModelSpec(), k=5, ratios=(0.5, 1.0))
    with pytest.raises(ConfigError, match="each once"):
        ExperimentSetting(tasks=("ner", "ner"), model=ModelSpec(), k=5)
    with pytest.raises(ConfigError, match="budgets of chunking"):
        ExperimentSetting(tasks=("ner",), model=ModelSpec(), k=5, budget_tasks=("chunking",))
