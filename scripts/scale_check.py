"""What a run of many questions costs the machine that writes it, with stand-in actors that return scores of a 7B shape.

    python scripts/scale_check.py --questions 1000 10000 100000

Of each run the last `--tail` questions are computed: stand-ins on a Ray cluster of this machine return noise of the
model's shape after `--delay` seconds, and the driver takes it in as it does with a real run. The questions before them
are written beforehand, by the same store, as what remains of a question when its example is summed.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from neuron_core.cni.kept import no_sums
from neuron_core.cni.methods import rank
from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import Extremes, preset
from neuron_core.engine.cluster_options import ClusterOptions, prepare_ray
from neuron_core.engine.example_sums import ExampleSums
from neuron_core.engine.ray_actor import Computed, EngineActor, Job, LoadedOn, of_examples
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, RunConfig
from neuron_core.runs.setting import ModelFacts, make_setting
from neuron_core.runs.store import RunFolder, Store

LAYERS, NEURONS = 32, 11008
FACTS = ModelFacts("stand-in for Llama-2-7B", "0" * 16, "llama", "float32", "cpu", LAYERS, NEURONS)


class StandIn(EngineActor):
    """Answers as an engine would, after a delay and without a model."""

    def load(self, spec: ModelSpec) -> LoadedOn:
        self._noise = np.random.default_rng(0).standard_normal(LAYERS * NEURONS * 2).astype(np.float32)
        self._delay = float(spec.source.rpartition("-")[2])
        return LoadedOn(FACTS, "stand-in", "none")

    def compute(self, key: str, job: list[Any], examples: Any, passes: Passes) -> Computed:
        if self._job is None:
            import ray

            self._job: Job | None = ray.get(job[0])
            self._of_example = of_examples(self._job.questions)
        numbers = [n for example in examples for n in self._of_example[example] if n not in self._job.skip]
        time.sleep(self._delay * len(numbers))
        return Computed([(n, scores(self._job.questions[n].id, n, self._noise)) for n in numbers], passes)


def scores(question_id: str, number: int, noise: np.ndarray, n_neurons: int = NEURONS) -> AttributionScores:
    """Noise, another one a question."""
    start = number * 7919 % (LAYERS * NEURONS)
    ig = noise[start : start + LAYERS * n_neurons].reshape(1, LAYERS, n_neurons)
    return AttributionScores(
        question_id=question_id,
        targets=("ace",),
        ig=ig,
        neurons=np.abs(ig[0]),
        baseline=np.full(1, 0.5, dtype=np.float32),
        zeroed=np.full((1, LAYERS), 0.4, dtype=np.float32),
        letter_probabilities=np.full(4, 0.25, dtype=np.float32),
        guard=0.0,
    )


def prefill(run: RunFolder, examples: int) -> None:
    """What remains of so many examples, in the sizes of a real run."""
    z = preset(FACTS.n_total).z
    chosen = np.arange(z, dtype=np.int32)
    values = np.linspace(1, 2, z, dtype=np.float32)
    noise = np.zeros(LAYERS * NEURONS * 2, dtype=np.float32)
    for example in range(examples):
        for number in range(3 * example, 3 * example + 3):
            # No neurons: what thinning leaves.
            run.save_scores(number, scores(f"{example}#{number % 3 + 1}", number, noise, 0))
        place = (example * 37) % (FACTS.n_total - 2 * z)
        good, bad = chosen + np.int32(place), chosen + np.int32(place + z)
        run.save_example(example, {"ace": Extremes(good, values, bad, -values)})
    sums = no_sums(("ace",), LAYERS, NEURONS)
    run.save_sums(type(sums)(**{**vars(sums), "n_examples": examples, "n_questions": 3 * examples}))


def measure(root: Path, n_questions: int, tail: int, delay: float, address: str, actors: int) -> dict[str, Any]:
    """One run of so many questions; its costs."""
    prepare_ray(address)
    from neuron_core.engine.ray_engine import RayEngine

    n_examples = n_questions // 3
    task = root / f"task-{n_questions}.jsonl"
    labels = ("positive", "neutral", "negative")
    with task.open("w") as file:
        for i in range(n_examples + 1):
            file.write(json.dumps({"text": f"The weather of day {i} was fair.", "label": labels[i % 3]}) + "\n")
    found: dict[str, Any] = {"questions": 3 * n_examples}
    store = Store(root / f"runs-{n_questions}")
    config = RunConfig(task=str(task), attribution=AttributionConfig(examples=n_examples))
    run = store.create(config)
    began = time.perf_counter()
    setting = make_setting(config, FACTS)
    run.save_setting(setting)
    found["making the questions, s"] = time.perf_counter() - began
    began = time.perf_counter()
    before = n_examples - min(n_examples, tail // 3)
    # What is only written for the sake of the measurement needs no disk to confirm it.
    with mock.patch("os.fsync"):
        prefill(run, before)
    found["written beforehand, s"] = time.perf_counter() - began
    began = time.perf_counter()
    examples = ExampleSums(run, setting)
    examples.take_in()
    found["a resume finds what is there, s"] = time.perf_counter() - began
    process = psutil.Process()
    engine = RayEngine(ModelSpec(f"stand-in-{delay}"), ClusterOptions(address, actors, actors, 0), actor=StandIn)
    try:
        taken, memory = [], []
        disk = process.io_counters().write_bytes
        began = time.perf_counter()
        passes = Passes(8, 1024, 1024)
        skip = frozenset(examples.scored)
        for number, one in engine.attribute(setting.attribution, config.attribution, skip=skip, passes=passes):
            start = time.perf_counter()
            examples.add(number, one)
            taken.append(time.perf_counter() - start)
            memory.append(process.memory_info().rss)
        wall = time.perf_counter() - began
        written = process.io_counters().write_bytes - disk
    finally:
        engine.close()
    found["questions measured"] = len(taken)
    found["store, ms a question"] = 1000 * float(np.mean(taken))
    found["wall, ms a question"] = 1000 * wall / len(taken)
    found["written, MB a question"] = written / len(taken) / 1e6
    found["driver's memory, MB, first and last tenth"] = [
        float(np.mean(part)) / 1e6 for part in (memory[: len(memory) // 10 or 1], memory[-(len(memory) // 10 or 1) :])
    ]
    began = time.perf_counter()
    sums = run.sums()
    assert sums is not None
    run.save_ranking(rank("ace", sums, run.examples(), setting.z, 100))
    found["ranking, s"] = time.perf_counter() - began
    began = time.perf_counter()
    [(one.id, one.status().state, one.label(), one.is_attributed()) for one in store.runs()]
    found["listing, s"] = time.perf_counter() - began
    began = time.perf_counter()
    opened = store.open(run.id)
    opened.setting()
    opened.ranking()
    opened.sums()
    found["opening: setting, ranking, sums, s"] = time.perf_counter() - began
    found["on disk, MB"] = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file()) / 1e6
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--tail", type=int, default=150, help="questions that are computed of each run")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds a question takes a stand-in")
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--address", default="local")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        for n in given.questions:
            found = measure(root, n, given.tail, given.delay, given.address, given.actors)
            print(json.dumps(found, indent=1), flush=True)
            shutil.rmtree(root / f"runs-{n}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
