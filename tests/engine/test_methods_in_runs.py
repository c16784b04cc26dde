"""Runs with several methods, with neuron sets of other runs, with little disk, and with chosen examples."""

import shutil
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.cni.sets import set_of, to_json
from neuron_core.engine import example_sums
from neuron_core.engine.engine import Engine
from neuron_core.engine.example_sums import ExampleSums
from neuron_core.engine.execute import execute
from neuron_core.errors import Cancelled, ConfigError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs import files
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse, config_from_json
from neuron_core.runs.questions import candidates
from neuron_core.runs.results import plan_for, read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_helpers import assert_equal_results, contents, tiny_config

ALL = ("ace", "tn", "qrnca", "tn+", "qrnca+", "kn", "act")
EVALUATION = EvaluationConfig(examples=4, ks=(4,), ratios=(0.0, 0.5, 1.0), random_seeds=2)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def engine(tiny_model):
    return Engine.of(tiny_model("llama"))


def with_methods(task_file, checkpoint, **changes) -> RunConfig:
    attribution = AttributionConfig(methods=ALL, examples=4, z=12, k=6)
    settings = {"attribution": attribution, "evaluation": replace(EVALUATION, methods=(*ALL, "random")), **changes}
    return tiny_config(task_file, checkpoint("llama"), **settings)


@pytest.fixture(scope="module")
def every_method(tmp_path_factory, task_file, checkpoint, tiny_model) -> RunFolder:
    """One run of all methods."""
    run = Store(tmp_path_factory.mktemp("methods")).create(with_methods(task_file, checkpoint))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run


def test_one_run_has_the_rankings_of_all_methods_and_one_baseline_for_all(every_method):
    assert tuple(every_method.rankings()) == ALL
    evaluation = every_method.evaluation()
    assert {row.source for row in evaluation.grid} == set(ALL)
    assert {row.source for row in evaluation.random} == {"random", "random+"}
    assert {best.source for best in evaluation.random_best} == {"random", "random+"}
    ratios = {source: {row.ratio for row in evaluation.grid if row.source == source} for source in ALL}
    assert ratios["ace"] == ratios["tn+"] == {0.0, 0.5, 1.0}
    assert ratios["tn"] == ratios["kn"] == ratios["act"] == {1.0}
    assert {row.ratio for row in evaluation.random if row.source == "random"} == {1.0}


def test_good_neurons_of_tn_are_those_of_its_enabled_form(every_method):
    evaluated = read_evaluated(every_method)
    place = {s: evaluated.column(4, 1.0, "enhancer", s) for s in ("tn", "tn+")}
    values = evaluated.probabilities.values
    assert np.allclose(values[:, 1 + place["tn"]], values[:, 1 + place["tn+"]], atol=1e-6)


def test_a_method_alone_finds_what_it_finds_among_all(every_method, store, engine, task_file, checkpoint):
    attribution = AttributionConfig(methods=("qrnca",), examples=4, z=12, k=6)
    run = store.create(tiny_config(task_file, checkpoint("llama"), attribution=attribution, evaluation=EVALUATION))
    execute(run, lambda _: engine)
    ours, theirs = run.ranking(), every_method.ranking("qrnca")
    assert np.array_equal(ours.neurons[:6], theirs.neurons[:6])
    assert np.allclose(ours.scores, theirs.scores, rtol=1e-4, atol=1e-7)


# Little disk


def test_a_run_beyond_its_disk_budget_keeps_the_same_rankings_without_question_scores(
    every_method, store, engine, task_file, checkpoint
):
    config = with_methods(task_file, checkpoint)
    run = store.create(replace(config, attribution=replace(config.attribution, keep_bytes=0)))
    execute(run, lambda _: engine)
    for name, ranking in every_method.rankings().items():
        assert np.array_equal(run.ranking(name).neurons, ranking.neurons)
        assert np.array_equal(run.ranking(name).scores, ranking.scores)
    assert every_method.has_whole_scores()
    assert not run.has_whole_scores()
    with pytest.raises(RunError, match="scores of single questions were not kept"):
        run.scores(0)
    found, whole = read_attribution(run), read_attribution(every_method)
    assert found.baseline == whole.baseline
    assert np.array_equal(found.gaps.mean, whole.gaps.mean)
    # The log and, while a question is whole, a file of its own.
    assert list((run.path / "scores").iterdir()) == []
    sizes = [(one.path / "scores.units").stat().st_size for one in (run, every_method)]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize("n_units", [1, 3, 4, 8, 11])
def test_a_thinned_run_is_resumed_bit_for_bit(store, engine, task_file, checkpoint, n_units, monkeypatch):
    monkeypatch.setattr(example_sums, "SAVED_EVERY", 3)
    attribution = AttributionConfig(examples=4, z=12, k=6, keep_bytes=0)
    config = tiny_config(task_file, checkpoint("llama"), attribution=attribution, evaluation=None)
    whole, stopped = store.create(config), store.create(config)
    execute(whole, lambda _: engine)
    with pytest.raises(Cancelled):
        execute(stopped, lambda _: engine, should_stop=lambda: len(stopped.scored()) >= n_units)
    execute(stopped, lambda _: engine)
    assert_equal_results(stopped, whole)


def test_a_crash_between_any_two_writes_counts_every_example_once(
    store, engine, task_file, checkpoint, tmp_path, monkeypatch
):
    # Sums are saved in the middle of the four examples, and after the last one.
    monkeypatch.setattr(example_sums, "SAVED_EVERY", 3)
    attribution = AttributionConfig(examples=4, z=12, k=6, keep_bytes=0)
    config = tiny_config(task_file, checkpoint("llama"), attribution=attribution, evaluation=None)
    whole = store.create(config)
    execute(whole, lambda _: engine)
    expected = contents(whole)
    # All questions of the first example are scored; each stop below is a crash one write later.
    begun = store.create(config)
    with pytest.raises(Cancelled):
        execute(begun, lambda _: engine, should_stop=lambda: len(begun.scored()) >= 2)
    for writes in range(200):
        run = RunFolder(shutil.copytree(begun.path, tmp_path / f"crash-{writes}"))

        class Crashing(files.Disk):
            left = writes

            def rename(self, old, new):
                self.count()
                super().rename(old, new)

            def append(self, path, data):
                self.count()
                super().append(path, data)

            def count(self):
                if self.left == 0:
                    raise SystemExit
                self.left -= 1

        with monkeypatch.context() as patch, suppress(SystemExit):
            patch.setattr(files, "disk", Crashing())
            execute(run, lambda _: engine)
            # No write was left to crash at.
            assert writes > 12
            break
        execute(RunFolder(run.path), lambda _: engine)
        found = contents(RunFolder(run.path))
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected if name != "evaluation")


def test_sums_are_saved_every_few_examples_and_whole_scores_wait_for_them(store, engine, task_file, checkpoint):
    attribution = AttributionConfig(examples=4, z=12, k=6, keep_bytes=0)
    config = tiny_config(task_file, checkpoint("llama"), attribution=attribution, evaluation=None)
    run, seen = store.create(config), []

    def look() -> bool:
        sums = run.sums()
        seen.append((len(run.scored()), sums.n_examples if sums else 0, len(run.scored_apart())))
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_sums, "SAVED_EVERY", 2)
        execute(run, lambda _: engine, should_stop=look)
    assert {(5, 0, 5), (6, 2, 0), (11, 2, 5), (12, 4, 0)} <= set(seen)


def test_examples_are_taken_in_once_however_often_asked(every_method, tmp_path):
    run = RunFolder(shutil.copytree(every_method.path, tmp_path / "copy"))
    before = run.sums()
    ExampleSums(run, run.setting()).take_in()
    assert run.sums().n_examples == before.n_examples == 4
    assert np.array_equal(run.sums().scores, before.scores)


# Neuron sets of other runs


@pytest.fixture
def set_file(every_method, tmp_path):
    setting = every_method.setting()
    found = set_of(
        every_method.ranking(), 6, name="mood", task="mood", method="ace", model=setting.model, config={"seed": 0}
    )
    path = tmp_path / "mood.json"
    path.write_text(to_json(found))
    return path


def values(row):
    return row.acc, row.com, row.rac, row.rcc


def sets_only(task_file, checkpoint, *uses, **changes) -> RunConfig:
    attribution = AttributionConfig(methods=(), examples=4, z=12, k=6)
    return tiny_config(
        task_file, checkpoint("llama"), attribution=attribution, evaluation=EVALUATION, sets=uses, **changes
    )


def test_a_set_of_a_file_does_what_the_run_s_own_neurons_do(
    every_method, store, engine, task_file, checkpoint, set_file
):
    run = store.create(sets_only(task_file, checkpoint, SetUse(str(set_file), "mood")))
    set_file.unlink()
    execute(run, lambda _: engine)
    assert run.status().state == "done"
    assert run.scored() == set()
    assert run.ranking() is None
    ours = {(row.k, row.ratio, row.direction): row for row in run.evaluation().grid}
    theirs = {(r.k, r.ratio, r.direction): r for r in every_method.evaluation().grid if r.source == "ace"}
    assert ours.keys() == theirs.keys()
    assert run.evaluation().baseline == every_method.evaluation().baseline
    for cell, row in ours.items():
        assert row.source == "mood"
        assert values(row) == tuple(getattr(theirs[cell], n) for n in ("acc", "com", "rac", "rcc"))


def test_a_set_may_have_its_own_budget_and_one_ratio_a_direction(store, task_file, checkpoint, set_file):
    use = SetUse(str(set_file), "mood", k=6, ratios={"enhancer": 0.3, "degrader": 0.8})
    run = store.create(sets_only(task_file, checkpoint, use))
    plan = [one for one in plan_for(run) if one.source == "mood"]
    assert [(one.k, one.ratio, one.direction) for one in plan] == [(6, 0.3, "enhancer"), (6, 0.8, "degrader")]
    assert config_from_json((run.path / "config.json").read_bytes()).sets == (use,)


def test_a_set_of_another_model_is_refused_by_name(store, task_file, checkpoint, tiny_model, set_file):
    run = store.create(replace(sets_only(task_file, checkpoint, SetUse(str(set_file), "mood"))))
    with pytest.raises(ConfigError, match=r"the neuron set mood belongs to"):
        execute(run, lambda _: Engine.of(tiny_model("gpt2")))


def test_a_set_that_can_t_be_read_leaves_no_run_behind(store, task_file, checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        store.create(sets_only(task_file, checkpoint, SetUse(str(tmp_path / "none.json"), "mood")))
    assert store.runs() == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SetUse("a.json", "ace"), "a neuron set called 'ace'"),
        (lambda: SetUse("a.json", "random-3"), "a neuron set called 'random-3'"),
        (lambda: SetUse("a.json", "../a"), "a neuron set called"),
        (lambda: SetUse("a.json", "a", ratios={"enhancer": 0.25}), "a tenth from 0 to 1"),
        (lambda: RunConfig("ner", sets=(SetUse("a.json", "a"),)), "neuron sets without an evaluation"),
        (
            lambda: RunConfig("ner", evaluation=EVALUATION, sets=(SetUse("a.json", "a"), SetUse("b.json", "a"))),
            "neuron sets a, a",
        ),
        (lambda: RunConfig("ner", attribution=AttributionConfig(methods=())), "without a method and without neuron"),
        (lambda: RunConfig("ner", evaluation=replace(EVALUATION, methods=("kn",))), "evaluated but not attributed"),
    ],
)
def test_sets_and_methods_that_do_not_fit_are_named(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


# Chosen examples


class Knowing(Engine):
    """An engine that knows the answers of every third example; a tiny random model names one letter always."""

    def __init__(self, loaded, knows=True):
        self.__dict__.update(vars(Engine.of(loaded)))
        self.knows = knows

    def baseline(self, questions):
        for question in questions:
            knows = self.knows and sum(question.example_id.encode()) % 3 == 0
            yield np.eye(4, dtype=np.float32)[question.target if knows else (question.target + 1) % 4]


@pytest.fixture
def knowing(tiny_model):
    return Knowing(tiny_model("llama"))


def answers(engine, config):
    """Questions answered right by example, on the shuffle by which a sample is chosen."""
    questions = candidates(config)
    found: dict[str, int] = {}
    for question, values in zip(questions, engine.baseline(questions), strict=True):
        found[question.example_id] = found.get(question.example_id, 0) + int(values.argmax() == question.target)
    return found


def test_a_balanced_sample_has_as_many_comprehended_examples_as_others(store, knowing, task_file, checkpoint):
    evaluation = replace(EVALUATION, examples=8, sample="balanced")
    config = tiny_config(task_file, checkpoint("llama"), evaluation=evaluation)
    run = store.create(config)
    execute(run, lambda _: knowing)
    right = answers(knowing, config)
    sample, setting = run.sample(), run.setting()
    assert (len(sample.comprehended), len(sample.others), sample.full) == (4, 4, True)
    assert len(sample.right) < len(right)
    assert all(right[name] >= 2 for name in sample.comprehended)
    assert all(right[name] < 2 for name in sample.others)
    asked = list(dict.fromkeys(q.example_id for q in setting.evaluation))
    assert set(asked) == {*sample.comprehended, *sample.others}
    assert setting.strata() == tuple(int(name in sample.comprehended) for name in asked)
    assert not set(asked) & {q.example_id for q in setting.attribution}
    assert run.evaluation().baseline.n_examples == 8


def test_the_shuffle_that_chooses_is_not_the_one_that_is_asked(store, knowing, task_file, checkpoint):
    config = tiny_config(task_file, checkpoint("llama"), evaluation=replace(EVALUATION, sample="balanced"))
    run = store.create(config)
    execute(run, lambda _: knowing)
    chosen = {q.id: q.prompt for q in candidates(config)}
    assert any(chosen[q.id] != q.prompt for q in run.setting().evaluation)


def test_another_model_s_comprehension_can_choose_the_examples(store, engine, knowing, task_file, checkpoint):
    spec = ModelSpec(str(checkpoint("gpt2")), device="cpu")
    evaluation = replace(EVALUATION, examples=3, sample="comprehended", comprehended_by=spec)
    config = tiny_config(task_file, checkpoint("llama"), evaluation=evaluation)
    run, other, asked = store.create(config), knowing, []
    execute(run, lambda _: engine, other_engine=lambda wanted, say: asked.append(wanted) or other)
    assert asked == [spec]
    right = answers(other, config)
    expected = [name for name, n in right.items() if n >= 2][:3]
    assert len(expected) == 3
    assert list(run.sample().comprehended) == expected
    assert {q.example_id for q in run.setting().evaluation} == set(expected)
    assert run.sample().chosen_by == other.facts().title
    fresh = store.create(config)
    with pytest.raises(RunError, match=r"chosen by another model"):
        execute(fresh, lambda _: engine)


def test_a_sample_that_was_stopped_goes_on_where_it_was(store, knowing, task_file, checkpoint):
    config = tiny_config(task_file, checkpoint("llama"), evaluation=replace(EVALUATION, examples=40, sample="balanced"))
    whole, stopped = store.create(config), store.create(config)
    execute(whole, lambda _: knowing)
    with pytest.raises(Cancelled):
        execute(stopped, lambda _: knowing, should_stop=lambda: stopped.sample() is not None)
    assert 0 < len(stopped.sample().right) < len(whole.sample().right)
    execute(stopped, lambda _: knowing)
    assert stopped.sample() == whole.sample()
    assert not whole.sample().full
    assert_equal_results(stopped, whole)


def test_another_evaluation_of_the_same_examples_keeps_their_sample(store, engine, task_file, checkpoint):
    evaluation = replace(EVALUATION, sample="balanced")
    run = store.create(tiny_config(task_file, checkpoint("llama"), evaluation=evaluation))
    execute(run, lambda _: engine)
    run.set_evaluation(replace(run.config(), evaluation=replace(evaluation, ks=(6,))))
    assert run.pending().sample() == run.sample() is not None
    run.set_evaluation(replace(run.config(), evaluation=replace(evaluation, examples=6)))
    assert run.pending().sample() is None


# All positions


def test_interventions_at_all_positions_are_those_of_the_engine_and_differ_from_the_last(
    store, engine, task_file, checkpoint
):
    config = tiny_config(task_file, checkpoint("llama"), evaluation=replace(EVALUATION, position="all"))
    run = store.create(config)
    execute(run, lambda _: engine)
    assert {row.position for row in run.evaluation().grid} == {"all"}
    last = store.create(replace(config, evaluation=EVALUATION))
    execute(last, lambda _: engine)
    ours, theirs = run.probabilities().values, last.probabilities().values
    assert np.allclose(ours[:, 0], theirs[:, 0], atol=1e-6)
    assert np.abs(ours - theirs).max() > 1e-3


def test_a_model_that_comprehends_nothing_is_said_to(store, tiny_model, task_file, checkpoint):
    config = tiny_config(task_file, checkpoint("llama"), evaluation=replace(EVALUATION, sample="comprehended"))
    with pytest.raises(RunError, match=r"comprehends none of the \d+ examples asked about.*a natural sample"):
        execute(store.create(config), lambda _: Knowing(tiny_model("llama"), knows=False))


# Side effects


def test_side_effects_are_those_of_every_best_ratio_and_of_a_random_set_beside(every_method):
    effects, evaluation = every_method.side_effects(), every_method.evaluation()
    best = [(one.source, one.k, one.ratio, one.direction) for one in evaluation.best]
    found = [(one.source, one.k, one.ratio, one.direction) for one in effects.rows]
    assert found[: len(best)] == best
    assert [source for source, *_ in found[len(best) :]] == ["random+-0", "random+-0"]
    assert effects.n_questions == 12
    assert 0 < effects.letter_mass < 1
    assert effects.perplexity > 1
    assert any(one.perplexity != effects.perplexity for one in effects.rows)


def test_another_evaluation_has_side_effects_of_its_own(every_method, tmp_path):
    run = RunFolder(shutil.copytree(every_method.path, tmp_path / "copy"))
    run.set_evaluation(run.config())
    assert run.pending().side_effects() is None
    assert run.side_effects() is not None
