"""Several at once: on one run, on one engine, on one queue."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

from faulting.lab import OTHER, Lab, Line, prepared
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.repair import verify
from neuron_core.runs.results import plan_for
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.service.handle import EngineHandle
from neuron_core.service.owner import OWNER
from neuron_core.service.permissions import ACTIONS, Permissions
from tests.run_helpers import assert_equal_results

THREADS, REQUESTS = 8, 200


def at_once(lab: Lab) -> Iterator[Line]:
    line = Line("two evaluations of one run at once")
    for _ in lab.tries(2, 20):
        run, children = lab.copy(lab.attributed), []
        out = [run.path.parent / f"answer-{number}" for number in (0, 1)]
        for place, evaluation in zip(out, (lab.config.evaluation, OTHER), strict=True):
            child = os.fork()
            if child == 0:
                try:
                    mine = RunFolder(run.path)
                    with mine.taken():
                        mine.set_evaluation(replace(mine.config(), evaluation=evaluation))
                        lab.finish(mine)
                        place.write_text(json.dumps(sorted({row.k for row in mine.evaluation().grid})))
                except NeuronCoreError as error:
                    place.write_text(json.dumps(error.what))
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        line.tries += 1
        answers = [json.loads(place.read_text()) for place in out]
        refused = [one for one in answers if isinstance(one, str)]
        asked_for = [sorted(evaluation.ks) for evaluation in (lab.config.evaluation, OTHER)]
        right = all(isinstance(a, str) or a == ks for a, ks in zip(answers, asked_for, strict=True))
        line.survived += right and all("another process" in one for one in refused) and verify(run) == []
        line.message = refused[0] if refused else line.message
    yield line
    line = Line("run folder deleted under a job")
    for _ in lab.tries(2, 20):
        run = prepared(lab, "attribute")
        asked = iter(range(10**6))

        def stop(run: RunFolder = run, asked: Iterator[int] = asked, at: int = lab.draw.randrange(2, 12)) -> bool:
            if next(asked) == at:
                shutil.rmtree(run.path)
            return False

        line.tries += 1
        try:
            execute(run, lambda _: lab.engine, should_stop=stop)
        except RunError as error:
            line.survived, line.message = line.survived + 1, error.what
    yield line
    line = Line("clock that jumps back")
    for _ in lab.tries(1, 5):
        run, real = prepared(lab, "attribute"), time.time
        try:
            time.time = lambda real=real: real() - lab.draw.uniform(0, 1e6)
            lab.finish(run)
        finally:
            time.time = real
        lab.check(line, run, lab.attributed)
    yield line


def interleaved(lab: Lab) -> Iterator[Line]:
    """Requests of eight threads on one engine; then without its lock, where they must meet."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        line = Line(f"{REQUESTS} requests of {THREADS} threads on one engine")
        for _ in lab.tries(1, 10):
            engine = Engine(ModelSpec(str(lab.model), device="cpu"))
            met = contaminated(engine, lab)
            lab.answer(line, lambda met=met: _none(met))
        line.message = line.message or "every answer is the one of a quiet engine, bit for bit"
        yield line
        line = Line("the same without the lock, which must be seen")
        for _ in lab.tries(1, 3):
            engine = Engine(ModelSpec(str(lab.model), device="cpu"))
            engine._lock = nullcontext()  # type: ignore[assignment]
            met = contaminated(engine, lab)
            line.tries, line.survived = line.tries + 1, line.survived + (met > 0)
            line.message = f"{met} of {REQUESTS} answers were other ones, or errors"
        yield line
    finally:
        sys.setswitchinterval(before)


def _none(met: int) -> None:
    assert met == 0, f"{met} of {REQUESTS} answers were other ones"


def contaminated(engine: Engine, lab: Lab) -> int:
    """How many of the answers to requests of several threads differ from those that one thread gets."""
    setting = lab.whole.setting()
    assert setting is not None
    questions, plan = setting.evaluation[:6], plan_for(lab.whole)[:40]

    def baseline(n: int) -> bytes:
        return b"".join(found.tobytes() for found in engine.baseline([questions[n]]))

    def evaluated(n: int) -> bytes:
        found = engine.evaluate([questions[n]], plan, EvaluationConfig(examples=2))
        return b"".join(values.tobytes() for _, values in found)

    def attributed(n: int) -> bytes:
        found = engine.attribute([questions[n]], AttributionConfig(steps=4))
        return b"".join(scores.ig.tobytes() for _, scores in found)

    def inspected(n: int) -> bytes:
        return repr(engine.inspect(questions[n].prompt)).encode()

    kinds = (baseline, evaluated, baseline, attributed, baseline, inspected)
    requests = [(lab.draw.choice(kinds), lab.draw.randrange(len(questions))) for _ in range(REQUESTS)]
    quiet = {(kind, n): kind(n) for kind, n in dict.fromkeys(requests)}
    waiting, other, count = iter(requests), [0], threading.Lock()

    def work() -> None:
        while True:
            with count:
                request = next(waiting, None)
            if request is None:
                return
            kind, n = request
            try:
                same = kind(n) == quiet[request]
            except Exception:
                # Without the lock, passes meet hooks that were made for others.
                same = False
            with count:
                other[0] += not same

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return other[0]


def jobs(lab: Lab) -> Iterator[Line]:
    """Ten runs that three sessions ask for: they go in order, and those that are cancelled in the queue never begin."""
    line = Line("ten runs of three sessions in one queue, three of them cancelled")
    for number in lab.tries(1, 10):
        handle = EngineHandle(Store(lab.folder / f"queue-{number}"), Permissions(frozenset(ACTIONS) - {"cancel"}))
        try:
            lab.answer(line, lambda handle=handle: _ten(lab, handle))
        finally:
            handle.close()
    line.message = line.message or "order kept, nobody else's run cancelled"
    yield line


def _ten(lab: Lab, handle: EngineHandle) -> None:
    run_ids, owners = [], []
    for number in range(10):
        OWNER.set(f"session {number % 3}")
        owners.append(OWNER.get())
        run_ids.append(handle.submit(replace(lab.config, seed=number)))
    waiting = handle.queued()
    assert len(waiting) >= 8, "runs left the queue"
    assert list(waiting) == run_ids[-len(waiting) :], "another order in the queue"
    assert [handle.status(run_id).state for run_id in waiting] == ["queued"] * len(waiting)
    cancelled = lab.draw.sample(range(3, 10), 3)
    for number in cancelled:
        OWNER.set("another session")
        try:
            handle.cancel(run_ids[number])
            raise AssertionError("another session's run was cancelled")
        except NeuronCoreError:
            OWNER.set(owners[number])
            handle.cancel(run_ids[number])
        assert handle.status(run_ids[number]).state == "cancelled"
    left = [run_id for number, run_id in enumerate(run_ids) if number not in cancelled]
    for run_id in left:
        for _ in handle.stream(run_id):
            pass
    states = [handle.status(run_id).state for run_id in run_ids]
    assert states == ["cancelled" if number in cancelled else "done" for number in range(10)], f"states {states}"
    ends = [handle.store.inside(run_id).events()[-1]["time"] for run_id in left]
    assert ends == sorted(ends), "another order"
    for number in cancelled:
        assert not handle.store.inside(run_ids[number]).scored(), "a cancelled run had begun"
    for run_id in left:
        assert (damage := verify(handle.store.inside(run_id))) == [], f"a damaged run: {damage}"
    first = handle.store.inside(run_ids[0])
    assert_equal_results(first, lab.whole)
