"""A run of very many questions, with a stand-in for the model: what the driver, the store and the pages make of it.

    python scripts/scale.py --questions 1000,10000 --shape 32x11008 --delay 0.02
    python scripts/scale.py --questions 20000 --shape 4x48 --evaluation 20000
    python scripts/scale.py --questions 1000 --shape 32x11008 --executor ray

Scores are noise of the given shape, layers x neurons of a layer, which come after a delay. All else is the code of
real runs: the questions are made from a task, the scores are written, synced, summed and ranked, and the run is read
again. With `--executor ray` the stand-in is an actor of a local Ray cluster. It prints one table: times by the clock,
and in brackets those of the processor, which other work on the machine does not change much.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import psutil  # noqa: E402

from neuron_core.cni.methods import targets_of  # noqa: E402
from neuron_core.cni.passes import Passes  # noqa: E402
from neuron_core.cni.scores import AttributionScores  # noqa: E402
from neuron_core.control.results import SideEffects  # noqa: E402
from neuron_core.engine.execute import execute  # noqa: E402
from neuron_core.engine.stage_part import WHOLE_STAGE, StagePart  # noqa: E402
from neuron_core.errors import Cancelled  # noqa: E402
from neuron_core.models.spec import ModelSpec  # noqa: E402
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig  # noqa: E402
from neuron_core.runs.run_folder import RunFolder  # noqa: E402
from neuron_core.runs.setting import ModelFacts  # noqa: E402
from neuron_core.runs.store import Store  # noqa: E402

LEFT = 3
"questions that the second start of a run computes"
LABELS = ("fair", "mixed", "foul")


class StandIn:
    """A RunEngine, see `Engine` for its methods, without a model: noise after a delay."""

    def __init__(self, layers: int, neurons: int, delay: float) -> None:
        self.layers, self.neurons, self.delay = layers, neurons, delay
        self._noise = np.random.default_rng(0).standard_normal(layers * neurons * 2).astype(np.float32)

    def facts(self, day: object = None) -> ModelFacts:
        title = f"stand-in of {self.layers} x {self.neurons}"
        return ModelFacts(title, "0" * 16, "llama", "float32", "cpu", self.layers, self.neurons)

    def passes(self, *_: Any, **__: Any) -> Passes:
        return Passes(8, 64, 8)

    def attribute(
        self, questions: Sequence[Any], config: AttributionConfig, part: StagePart = WHOLE_STAGE
    ) -> Iterator[tuple[int, AttributionScores]]:
        targets = targets_of(config.methods)
        for number in _numbers(questions, part):
            time.sleep(self.delay)
            yield number, self._scores(questions[number].id, number, targets)

    def evaluate(
        self, questions: Sequence[Any], plan: Sequence[Any], _: Any, part: StagePart = WHOLE_STAGE, **__: Any
    ) -> Iterator[tuple[int, Any]]:
        for number in _numbers(questions, part):
            time.sleep(self.delay)
            found = np.random.default_rng(number).dirichlet(np.ones(4), 1 + len(plan))
            yield number, found.astype(np.float32)

    def baseline(self, questions: Sequence[Any], **_: Any) -> Iterator[Any]:
        for number, _question in enumerate(questions):
            yield np.random.default_rng(number).dirichlet(np.ones(4)).astype(np.float32)

    def side_effects(self, *_: Any, **__: Any) -> SideEffects:
        return SideEffects(12, 1.0, 20.0, ())

    def write_norms(self) -> Any:
        return np.ones((self.layers, self.neurons), dtype=np.float32)

    def mean_neurons(self, _: Any) -> Any:
        return np.zeros((self.layers, self.neurons), dtype=np.float32)

    def close(self) -> None:
        return None

    def _scores(self, question_id: str, number: int, targets: tuple[str, ...]) -> AttributionScores:
        size = self.layers * self.neurons
        # Another window of the noise for every question: no two have the same scores.
        at = number * 7919 % size
        one = self._noise[at : at + size].reshape(self.layers, self.neurons)
        return AttributionScores(
            question_id=question_id,
            targets=targets,
            ig=np.repeat(one[None], len(targets), axis=0),
            neurons=np.abs(one),
            baseline=np.full(len(targets), 0.5, dtype=np.float32),
            zeroed=np.full((len(targets), self.layers), 0.4, dtype=np.float32),
            letter_probabilities=np.random.default_rng(number).dirichlet(np.ones(4)).astype(np.float32),
            guard=0.0,
        )


def _numbers(questions: Sequence[Any], part: StagePart) -> Iterator[int]:
    from neuron_core.engine.ray_actor import of_examples

    groups = of_examples(questions)
    examples = range(len(groups)) if part.examples is None else part.examples
    return (number for example in examples for number in groups[example] if number not in part.skip)


def over_ray(layers: int, neurons: int, delay: float) -> Any:
    """The engine of a run on a cluster, whose one actor has a stand-in in place of its model."""
    import torch

    from neuron_core.engine import ray_pool
    from neuron_core.engine.cluster_options import ClusterOptions, prepare_ray
    from neuron_core.engine.ray_actor import EngineActor, LoadedOn

    prepare_ray("local")
    from neuron_core.engine.ray_engine import RayEngine

    class StandInActor(EngineActor):
        def load(self, spec: ModelSpec) -> LoadedOn:
            stand_in = StandIn(layers, neurons, delay)
            self._engine = stand_in  # type: ignore[assignment]
            return LoadedOn(stand_in.facts(), "stand-in", torch.__version__, self.place())

    ray_pool.EngineActor = StandInActor  # type: ignore[misc]
    return RayEngine(ModelSpec("stand-in", device="cpu"), ClusterOptions("local", 1, 1, gpus=0, cpus=1))


@dataclass
class Watch:
    """Time and memory of the driver, question by question."""

    began: float = field(default_factory=time.perf_counter)
    stage: str = ""
    times: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)
    "times of the processor"
    memory: dict[str, list[int]] = field(default_factory=dict)
    began_busy: float = field(default_factory=time.process_time)
    until_evaluation: str = ""

    def __call__(self, status: Any) -> None:
        if status.stage not in ("attribution", "evaluation"):
            return
        if status.stage == "evaluation" and not self.until_evaluation:
            seconds, busy = time.perf_counter() - self.began, time.process_time() - self.began_busy
            self.until_evaluation = f"{seconds:.2f} ({busy:.2f})"
        times = self.times.setdefault(status.stage, [])
        if len(times) < status.done:
            times.append(time.perf_counter())
            self.busy.setdefault(status.stage, []).append(time.process_time())
            if len(times) % 50 == 0:
                self.memory.setdefault(status.stage, []).append(psutil.Process().memory_info().rss)

    def cost(self, stage: str, share: float, delay: float) -> str:
        """Milliseconds a question beyond the delay, on average over a tenth of the questions, a thousand at most."""
        said = []
        for times, less in ((self.times, delay), (self.busy, 0.0)):
            gaps = np.diff(times.get(stage, [0.0, 0.0]))
            width = max(10, min(1000, len(gaps) // 10))
            at = int(share * max(0, len(gaps) - width))
            said.append(1000 * (float(np.mean(gaps[at : at + width])) - less))
        return f"{said[0]:.1f} ({said[1]:.1f})"


def timed(act: Callable[[], Any]) -> tuple[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    found = act()
    return f"{time.perf_counter() - began:.2f} ({time.process_time() - busy:.2f})", found


def task_file(folder: Path, n: int) -> Path:
    path = folder / "weather.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            file.write(json.dumps({"text": f"The weather of day {i}.", "label": LABELS[i % 3]}) + "\n")
    return path


def measure(folder: Path, questions: int, said: argparse.Namespace) -> dict[str, Any]:
    """One run, stopped shortly before the end and started again, then read in a fresh process."""
    layers, neurons = said.shape
    n_examples, n_evaluation = questions // 3, said.evaluation // 3
    task = task_file(folder, n_examples + n_evaluation + 10)
    evaluation = EvaluationConfig(examples=n_evaluation, ks=(5,), random_seeds=1) if n_evaluation else None
    keep = {} if said.keep is None else {"keep_bytes": said.keep}
    config = RunConfig(
        str(task),
        ModelSpec("stand-in", device="cpu"),
        attribution=AttributionConfig(examples=n_examples, **keep),
        evaluation=evaluation,
    )
    run = Store(folder / "runs").create(config)
    own = StandIn(layers, neurons, said.delay)
    engine = over_ray(layers, neurons, said.delay) if said.executor == "ray" else own
    watch, process = Watch(), psutil.Process()
    written = process.io_counters().write_bytes
    most_files = 0

    def stop() -> bool:
        return len(watch.times.get("attribution", ())) >= n_examples * 3 - LEFT

    with suppress(Cancelled):
        execute(run, lambda _: engine, should_stop=stop, on_progress=watch)
    most_files = count_files(run.path)
    resumed = Watch()
    again, _ = timed(lambda: execute(RunFolder(run.path), lambda _: own, on_progress=resumed))
    found = {
        "questions": n_examples * 3,
        "store, ms a question: first, middle, last": [
            watch.cost("attribution", share, said.delay) for share in (0, 0.5, 1)
        ],
        "MB written a question": (process.io_counters().write_bytes - written)
        / (n_examples * 3 + n_evaluation * 3)
        / 1e6,
        "driver memory, MB: at 1/10, middle, end": [
            round(rss[int(share * (len(rss) - 1))] / 1e6) if (rss := watch.memory.get("attribution")) else 0
            for share in (0.1, 0.5, 1)
        ],
        "resume with three left, s": resumed.until_evaluation if n_evaluation else again,
        "evaluation, ms a question: first, middle, last": [
            resumed.cost("evaluation", share, said.delay) for share in (0, 0.5, 1)
        ]
        if n_evaluation
        else "",
        "files": [most_files, count_files(run.path)],
        "size on disk, MB": sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file()) / 1e6,
        "highest memory of the driver, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    if engine is not own:
        engine.close()
    answer = subprocess.run(
        [sys.executable, __file__, "--read", str(run.path)], capture_output=True, text=True, check=True
    )
    found |= json.loads(answer.stdout)
    found["put away, s"], gone = timed(lambda: Store(folder / "runs").put_away(run.id))
    found["remove its files, s"], _ = timed(lambda: shutil.rmtree(gone))
    return found


def count_files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def read(path: Path) -> dict[str, Any]:
    """How long a process that has read nothing yet takes for what pages and reports ask."""
    from neuron_core.reports.run_page import runs_html
    from neuron_core.runs.repair import verify
    from neuron_core.runs.results import read_attribution
    from neuron_core.runs.summary import summary_of

    found: dict[str, Any] = {}
    listing = timed(lambda: [summary_of(run) for run in Store(path.parent).runs()])
    found["list, s"] = listing[0]
    run = RunFolder(path)
    found["open: setting, s"] = timed(run.setting)[0]
    found["open: attribution and checks, s"] = timed(lambda: read_attribution(run))[0]
    found["open: evaluation, s"] = timed(lambda: run.evaluation())[0]
    found["reader's memory, MB"] = psutil.Process().memory_info().rss / 1e6
    found["HTML report, s"], text = timed(lambda: runs_html({"run": RunFolder(path)}))
    found["HTML report, MB"] = len(text) / 1e6
    found["verify, s"], damage = timed(lambda: verify(RunFolder(path)))
    assert not damage, damage
    return found


def shape(text: str) -> tuple[int, int]:
    layers, _, neurons = text.partition("x")
    return int(layers), int(neurons)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--questions", default="1000", help="of the attribution; several with commas")
    parser.add_argument("--evaluation", type=int, default=0, help="questions of the evaluation")
    parser.add_argument("--shape", type=shape, default=(4, 48), help="LAYERSxNEURONS")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds until a question's scores come")
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--keep", type=int, default=None, help="keep_bytes of the run")
    parser.add_argument("--folder", default=None, help="where the run is written; by default a temporary folder")
    parser.add_argument("--read", type=Path, default=None, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.read is not None:
        print(json.dumps(read(said.read)))
        return
    results = []
    for questions in map(int, said.questions.split(",")):
        with tempfile.TemporaryDirectory(prefix="scale-", dir=said.folder) as folder:
            results.append(measure(Path(folder), questions, said))
    print("| | " + " | ".join(f"{found['questions']:,} questions" for found in results) + " |")
    print("|---|" + "---|" * len(results))
    for name in list(results[0])[1:]:
        print(f"| {name} | " + " | ".join(said_of(found[name]) for found in results) + " |")


def said_of(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
