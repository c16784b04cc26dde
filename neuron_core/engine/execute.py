"""Carries out a run, stage by stage. Results that are on disk are not computed again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from neuron_core.cni.methods import rank
from neuron_core.cni.passes import Passes
from neuron_core.cni.score_sums import loudness_of
from neuron_core.cni.sets import check_model
from neuron_core.control.metrics import evaluate
from neuron_core.engine.example_sums import ExampleSums
from neuron_core.engine.reporter import Progress, RunReporter
from neuron_core.engine.run_engine import EngineSource, OtherEngine, RunEngine, Say
from neuron_core.engine.sampling import choose_sample
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import Cancelled, NeuronCoreError, RunError
from neuron_core.models.chat import day_of
from neuron_core.models.fingerprint import same_model
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import ASSETS
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.questions import make_setting, what_changed
from neuron_core.runs.repair import repair
from neuron_core.runs.results import best_plan, plan_for
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import ModelFacts, Setting
from neuron_core.runs.summary import keep_summary

NEUTRAL = ASSETS / "neutral.txt"
SIDE_QUESTIONS = 12


def execute(
    run: RunFolder,
    engine_for: EngineSource,
    *,
    other_engine: OtherEngine | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Progress | None = None,
) -> None:
    """Carries out attribution, selection and, if the config has one, evaluation. Goes on where the folder ends.

    engine_for: gives the engine of the run's model. other_engine: gives the engine of the model that chooses the
    evaluation examples, if that is another one. should_stop: asked between questions. on_progress: called with every
    new status. At the end the status on disk is done, cancelled or failed. Cancelled and all other errors are raised.
    """
    with run.held():
        run.clean()
        repair(run)
        # A new evaluation is computed in a folder of its own, beside the finished one.
        work = run.pending() or run
        reporter = RunReporter(run, should_stop, on_progress)
        try:
            _stages(work, engine_for, other_engine, reporter)
            if work.evaluation_folder:
                run.adopt(work.evaluation_folder)
            keep_summary(run)
        except Cancelled as error:
            reporter.end("cancelled", "Cancelled. What was finished is kept.", error)
            raise
        except NeuronCoreError as error:
            reporter.end("failed", str(error), error)
            raise
        except MemoryError as error:
            reporter.end("failed", "Out of memory.", error)
            raise RunError("out of memory", where=run.id, accepted="a smaller layers_per_pass") from error
        except Exception as error:
            reporter.end("failed", f"{type(error).__name__}: {error}", error)
            raise
        reporter.end("done", "")


def _stages(run: RunFolder, engine_for: EngineSource, other_engine: OtherEngine | None, reporter: RunReporter) -> None:
    config = run.config()
    chooser = config.evaluation.comprehended_by if config.evaluation else None
    if chooser is not None:
        choose_sample(run, lambda say: _other(other_engine, chooser, say), reporter)
    reporter.begin("loading", 0, 0)
    engine = engine_for(reporter.say)
    reporter.close()
    if config.evaluation and config.evaluation.sample != "natural" and chooser is None:
        choose_sample(run, lambda _: engine, reporter)
    setting = _setting(run, engine)
    for note in setting.model.notes:
        run.event("note", text=note)

    if config.attribution.methods:
        _attribute(run, setting, engine, reporter)
    if config.evaluation is None:
        return

    plan = plan_for(run)
    run.begin_evaluation(plan, config.evaluation.position)
    finished = run.evaluated()
    reporter.begin("evaluation", len(finished), len(setting.evaluation))
    passes = _passes(run, setting.evaluation, engine)
    means = run.means()
    if means is None and any(one.silence == "mean" for one in plan):
        reporter.say("mean of every neuron over the evaluation prompts")
        means = engine.mean_neurons(setting.evaluation)
        run.save_means(means)
    units = engine.evaluate(
        setting.evaluation,
        plan,
        config.evaluation,
        StagePart(finished, passes, reporter.smaller),
        means=means,
    )
    for number, values in reporter.each(units):
        run.save_probabilities(number, values)
    probabilities = run.probabilities()
    assert probabilities is not None
    if run.evaluation() is None:
        position, seed = config.evaluation.position, config.seed
        run.save_evaluation(evaluate(probabilities, plan, position, seed, strata=setting.strata()))
    if run.side_effects() is None:
        reporter.say("side effects of the best ratios")
        few = setting.evaluation[:SIDE_QUESTIONS]
        text = NEUTRAL.read_text(encoding="utf-8")
        run.save_side_effects(
            engine.side_effects(
                few, best_plan(run, plan), text, position=config.evaluation.position, passes=passes, means=means
            )
        )
    reporter.close()


def _passes(run: RunFolder, questions: Sequence[ProxyQuestion], engine: RunEngine) -> Passes:
    """The chunk plan that the run began with. At its first start, the plan is chosen and saved."""
    config, kept = run.config(), run.passes()
    if kept is None:
        kept = engine.passes(questions, config.attribution, config.evaluation)
        run.save_passes(kept)
    return kept


def _other(other_engine: OtherEngine | None, spec: ModelSpec, say: Say) -> RunEngine:
    if other_engine is None:
        raise RunError(
            "the examples of this evaluation are chosen by another model", accepted="`other_engine`, which loads it"
        )
    return other_engine(spec, say)


def _attribute(run: RunFolder, setting: Setting, engine: RunEngine, reporter: RunReporter) -> None:
    """Computes the scores of every question, the top and bottom z of every example, and the rankings."""
    config = run.config()
    examples = ExampleSums(run, setting)
    finished = frozenset(examples.scored)
    reporter.begin("attribution", len(finished), len(setting.attribution))
    examples.take_in()
    passes = _passes(run, setting.attribution, engine)
    units = engine.attribute(setting.attribution, config.attribution, StagePart(finished, passes, reporter.smaller))
    for number, scores in reporter.each(units):
        examples.add(number, scores)
    if examples.added or run.kept_checks() is None:
        run.save_checks()
    sums = run.sums()
    assert sums is not None
    budget = max((setting.k, *(config.evaluation.ks if config.evaluation else ())))
    missing = [name for name in config.attribution.methods if run.ranking(name) is None]
    for name in missing:
        run.save_ranking(rank(name, sums, run.examples(), setting.z, budget, config.attribution.ambiguous), name)
    if run.loudness() is None:
        run.save_loudness(loudness_of(sums, engine.write_norms()))
    reporter.close()


def _setting(run: RunFolder, engine: RunEngine) -> Setting:
    """Makes the run's questions and facts. RunError when those of a resumed run differ from
    those that it began with.
    """
    before = run.setting()
    made = make_setting(run.config(), _facts(run, engine, before), run.sample(), before)
    if before is not None and made is not before:
        if not same_model(before.model.fingerprint, made.model.fingerprint):
            raise RunError(
                "the model is not the one this run began with",
                where=run.id,
                accepted=f"{before.model.title}, fingerprint {before.model.fingerprint}",
            )
        # Before the first result of an evaluation, its examples may change. The setting of the run's first evaluation
        # is read where that of a later one is lost: it says nothing about the later one's examples.
        other = run.setting_path.parent != run.results
        same_evaluation = before.evaluation == made.evaluation or other or not run.evaluated()
        if before.attribution != made.attribution or not same_evaluation:
            raise RunError(what_changed(run.config(), before, made), where=run.id, accepted="a new run")
    for neurons in run.sets().values():
        shape = made.model.n_layers, made.model.n_neurons
        check_model(neurons, made.model.title, made.model.fingerprint, shape)
    if made is before:
        return before
    run.save_setting(made)
    # As it is read again: many questions then take little memory.
    kept = run.setting()
    assert kept is not None
    return kept


def _facts(run: RunFolder, engine: RunEngine, before: Setting | None) -> ModelFacts:
    """The facts of the model. Its chat template writes the date of the day on which the run began."""
    kept = before.model.chat if before else None
    day = date.fromisoformat(kept.date) if kept and kept.date else day_of(run.status().created)
    facts = engine.facts(day)
    if before and same_model(before.model.fingerprint, facts.fingerprint):
        # Units are known by it: a run that an earlier version began goes on with the shorter one.
        facts = replace(facts, fingerprint=before.model.fingerprint)
    # Runs of older versions have no date, only the text that the template wrote.
    undated = kept is not None and kept.problem is None and kept.date is None and facts.chat and facts.chat.date
    return replace(facts, chat=kept) if undated else facts
