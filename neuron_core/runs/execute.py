"""Carries a run through its stages; what is finished on disk is never computed again."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from neuron_core.cni.selection import example_scores, select
from neuron_core.control.metrics import evaluate
from neuron_core.errors import Cancelled, NeuronCoreError, RunError
from neuron_core.runs.engine import Engine
from neuron_core.runs.setting import Setting, make_setting, plan_of
from neuron_core.runs.store import RunFolder, RunStatus

T = TypeVar("T")
Progress = Callable[[RunStatus], None]
EngineSource = Callable[[Callable[[str], None]], Engine]


def execute(
    run: RunFolder,
    engine_for: EngineSource,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Progress | None = None,
) -> None:
    """Attribution, selection and, if the config has one, evaluation; resumes where the folder ends.

    engine_for(say) gives the engine for the run's model, telling `say` what it is doing while it loads.
    should_stop is asked between questions. The status on disk ends as done, cancelled or failed; Cancelled
    and every other error are raised again.
    """
    with run.held():
        reporter = _Reporter(run, should_stop, on_progress)
        try:
            _stages(run, engine_for, reporter)
        except Cancelled:
            reporter.end("cancelled", "Cancelled. What was finished is kept.")
            raise
        except NeuronCoreError as error:
            reporter.end("failed", str(error))
            raise
        except MemoryError as error:
            reporter.end("failed", "Out of memory.")
            raise RunError("out of memory", where=run.id, accepted="a smaller layers_per_pass") from error
        except Exception as error:
            reporter.end("failed", f"{type(error).__name__}: {error}")
            raise
        reporter.end("done", "")


def _stages(run: RunFolder, engine_for: EngineSource, reporter: "_Reporter") -> None:
    config = run.config()
    reporter.begin("loading", 0, 0)
    engine = engine_for(reporter.say)
    setting = _setting(run, engine)
    reporter.close()

    finished = run.scored()
    reporter.begin("attribution", len(finished), len(setting.attribution))
    for number, scores in reporter.each(engine.attribute(setting.attribution, config.attribution, skip=finished)):
        run.save_scores(number, scores)
    ranking = run.ranking()
    if ranking is None:
        scores_of = np.stack([run.scores(n).of("ace") for n in range(len(setting.attribution))])
        ids = [question.example_id for question in setting.attribution]
        numbers = [list(dict.fromkeys(ids)).index(i) for i in ids]
        ranking = select(example_scores(scores_of, numbers), setting.z)
        run.save_ranking(ranking)
    reporter.close()
    if config.evaluation is None:
        return

    finished = run.evaluated()
    plan = plan_of(config.evaluation, ranking)
    reporter.begin("evaluation", len(finished), len(setting.evaluation))
    for number, values in reporter.each(engine.evaluate(setting.evaluation, plan, config.evaluation, skip=finished)):
        run.save_probabilities(number, values)
    probabilities = run.probabilities()
    assert probabilities is not None
    if run.evaluation() is None:
        run.save_evaluation(evaluate(probabilities, plan, position=config.evaluation.position, seed=config.seed))
    reporter.close()


def _setting(run: RunFolder, engine: Engine) -> Setting:
    """The setting made anew; a resumed run must come out as it was."""
    made, before = make_setting(run.config(), engine.facts()), run.setting()
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
            raise RunError("the task file changed since this run began", where=run.id, accepted="a new run")
    run.save_setting(made)
    return made


class _Reporter:
    """Writes status after every unit, measures stages, turns a stop request into Cancelled."""

    def __init__(self, run: RunFolder, should_stop: Callable[[], bool], on_progress: Progress | None) -> None:
        self._run, self._should_stop, self._on_progress = run, should_stop, on_progress
        self._status = replace(run.status(), state="running", message="", eta_s=None)
        self._began, self._done_before = time.monotonic(), 0

    def begin(self, stage: str, done: int, total: int) -> None:
        self._began, self._done_before = time.monotonic(), done
        self._run.event("stage", stage=stage, done=done, total=total)
        self._publish(stage=stage, done=done, total=total, message="", eta_s=None)
        self._stop_if_asked()

    def say(self, message: str) -> None:
        self._publish(message=message)
        self._stop_if_asked()

    def each(self, units: Iterable[T]) -> Iterable[T]:
        for unit in units:
            yield unit
            done = self._status.done + 1
            pace = (time.monotonic() - self._began) / (done - self._done_before)
            self._publish(done=done, eta_s=pace * (self._status.total - done))
            self._stop_if_asked()

    def close(self) -> None:
        seconds = dict(self._status.seconds)
        stage = self._status.stage
        seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - self._began
        self._began = time.monotonic()
        self._publish(seconds=seconds, eta_s=None)

    def end(self, state: str, message: str) -> None:
        if state != "done":
            self.close()
        self._run.event(state, message=message)
        self._publish(state=state, message=message, eta_s=None)

    def _publish(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        self._run.write_status(self._status)
        if self._on_progress:
            self._on_progress(self._status)

    def _stop_if_asked(self) -> None:
        if self._should_stop():
            raise Cancelled("the run was cancelled", where=self._run.id)
