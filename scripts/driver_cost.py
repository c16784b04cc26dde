"""What a question of a 7B shape costs the process that writes a run, the scores being there: noise, without a model.

    python scripts/driver_cost.py

The scores go through the same code as those of a real run; first kept whole, then thinned when their example is summed.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from neuron_core.cni.scores import AttributionScores
from neuron_core.engine.example_sums import ExampleSums
from neuron_core.runs.config import KEEP_BYTES, AttributionConfig, RunConfig
from neuron_core.runs.questions import make_setting
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import Store

LAYERS, NEURONS, QUESTIONS = 32, 11008, 30
FACTS = ModelFacts("stand-in for Llama-2-7B", "0" * 16, "llama", "float32", "cpu", LAYERS, NEURONS)


def scores(question_id: str, number: int, noise: np.ndarray) -> AttributionScores:
    """Noise, another one a question."""
    start = number * 7919 % (LAYERS * NEURONS)
    ig = noise[start : start + LAYERS * NEURONS].reshape(1, LAYERS, NEURONS)
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


def main() -> None:
    noise = np.random.default_rng(0).standard_normal(LAYERS * NEURONS * 2).astype(np.float32)
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "weather.jsonl"
        labels = ("fair", "mixed", "foul")
        rows = [{"text": f"The weather of day {i}.", "label": labels[i % 3]} for i in range(1000)]
        task.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        for what, keep in (("kept whole", KEEP_BYTES), ("thinned", 0)):
            config = RunConfig(task=str(task), attribution=AttributionConfig(examples=QUESTIONS // 3, keep_bytes=keep))
            run = Store(Path(folder) / "runs").create(config)
            setting = make_setting(config, FACTS)
            run.save_setting(setting)
            examples = ExampleSums(run, setting)
            disk, began = process.io_counters().write_bytes, time.perf_counter()
            for number, question in enumerate(setting.attribution):
                examples.add(number, scores(question.id, number, noise))
            seconds = (time.perf_counter() - began) / QUESTIONS
            written = (process.io_counters().write_bytes - disk) / QUESTIONS
            print(
                f"{what}: {1000 * seconds:.0f} ms and {written / 1e6:.2f} MB a question, "
                f"{written / seconds / 1e6:.0f} MB a second"
            )


if __name__ == "__main__":
    main()
