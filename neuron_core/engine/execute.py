"""Carries a run through its stages. What is finished on disk is not computed again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from neuron_core.cni.kept import loudness_of
from neuron_core.cni.methods import rank
from neuron_core.cni.passes import Passes
from neuron_core.cni.sets import check_model
from neuron_core.control.metrics import evaluate
from neuron_core.engine.example_sums import ExampleSums
from neuron_core.engine.reporter import Progress, RunReporter
from neuron_core.engine.run_engine import EngineSource, OtherEngine, RunEngine, Say
from neuron_core.engine.sampling import choose_sample
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import Cancelled, NeuronCoreError, RunError
from neuron_core.models.chat import day_of
from neuron_core.models.spec import ModelSpec
from neuron_core.places import ASSETS
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
    """Attribution, selection and, if the config has one, evaluation; resumes where the folder ends.

    engine_for(say) gives the engine for the run's model, telling `say` what it is doing while it loads.
    other_engine(spec, say) gives one for the model that chooses the evaluation examples, where another one does.
    should_stop is asked between questions. The status on disk ends as done, cancelled or failed; Cancelled
    and every other error are raised again.
    """
    with run.held():
        run.clean()
        repair(run)
        # What was asked for in place of a finished evaluation is made beside it.
        work = run.due() or run
        reporter = RunReporter(run, should_stop, on_progress)
        try:
            _stages(work, engine_for, other_engine, reporter)
            if work.ahead:
                run.adopt(work.ahead)
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
    """The number of rows a pass that the run began with; chosen and saved if this is its first start."""
    config, kept = run.config(), run.passes()
    if kept is None:
        kept = engine.passes(questions, config.attribution, config.evaluation)
        run.save_passes(kept)
    return kept


def _other(other_engine: OtherEngine | None, spec: ModelSpec, say: Say) -> RunEngine:
    if other_engine is None:
        raise RunError("this evaluation's examples are chosen by another model", accepted="execute with other_engine")
    return other_engine(spec, say)


def _attribute(run: RunFolder, setting: Setting, engine: RunEngine, reporter: RunReporter) -> None:
    """Scores of every question, what is kept of every example, and the rankings."""
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
    """Makes the run's questions and facts again, and checks that a resumed run has the same as before."""
    before = run.setting()
    made = make_setting(run.config(), _facts(run, engine, before), run.sample())
    if before is not None:
        if before.model.fingerprint != made.model.fingerprint:
            raise RunError(
                "the model is not the one this run began with",
                where=run.id,
                accepted=f"{before.model.title}, fingerprint {before.model.fingerprint}",
            )
        # Examples of an evaluation that has not begun may be drawn anew.
        same_evaluation = before.evaluation == made.evaluation or not run.evaluated()
        if before.attribution != made.attribution or not same_evaluation:
            raise RunError(what_changed(run.config(), before, made), where=run.id, accepted="a new run")
    for neurons in run.sets().values():
        check_model(neurons, made.model.title, made.model.fingerprint)
    run.save_setting(made)
    return made


def _facts(run: RunFolder, engine: RunEngine, before: Setting | None) -> ModelFacts:
    """Facts of the model. Its chat template writes the date of the day on which the run began."""
    kept = before.model.chat if before else None
    day = date.fromisoformat(kept.date) if kept and kept.date else day_of(run.status().created)
    facts = engine.facts(day)
    # Older runs did not keep the date, only the text that it stands in.
    undated = kept is not None and kept.problem is None and kept.date is None and facts.chat and facts.chat.date
    return replace(facts, chat=kept) if undated else facts
