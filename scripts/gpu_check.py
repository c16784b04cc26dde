"""Measures on one GPU what no processor can show; see gpu_check.sh. Every row says what was measured, or why not.

A part that fails, or that the time does not suffice for, has its row too, and the exit code is then 1.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from neuron_core.bench.floor import floor_seconds
from neuron_core.bench.run import questions_for
from neuron_core.bench.timing import timed
from neuron_core.cni.attribution import attribute
from neuron_core.cni.reference import reference
from neuron_core.cni.selection import preset
from neuron_core.engine.engine import Engine
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import ModelError
from neuron_core.models import shapes
from neuron_core.models.device import pick_device
from neuron_core.models.dimensions import dimensions_of_config
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.memory import working_bytes
from neuron_core.models.products import products_of
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig
from neuron_core.tasks.load import load_task

SECONDS = 280.0
PARITY = 1e-5
TARGETS = {"float32": 0.20, "tf32": 0.06, "bfloat16": 0.05}
"seconds a question of the 7B shape that are aimed at"
CONFIG = AttributionConfig()
Row = tuple[str, str, str]


def parity(device: str) -> Iterator[Row]:
    """The fast form beside the reference for every family of the tests, on this device."""
    from tests.builders import FAMILIES, tiny_checkpoint

    root = Path(tempfile.mkdtemp())
    for family in FAMILIES:
        loaded = load_model(ModelSpec(str(tiny_checkpoint(root, family)), device=device))
        prompt = tokenize_prompt(loaded.tokenizer, "Sky: A) blue B) red C) green D) black. Answer:")
        fast = attribute(loaded, run_prompt(loaded, prompt), "parity", 0).of("ace")
        slow = reference(loaded, prompt, 0, range(loaded.n_layers))
        off = float(np.abs(fast - slow).max() / np.abs(slow).max())
        if not off <= PARITY:
            raise RuntimeError(f"{family}: fast and reference differ by {off:.1e} of max|IG|, at most {PARITY:.0e}")
        yield f"parity, {family}", f"{off:.1e} of max|IG|", f"at most {PARITY:.0e}"


def scored(loaded: LoadedModel, n_questions: int) -> tuple[float, np.ndarray]:
    """Seconds a question after one untimed round, and the sum of all scores."""
    questions = questions_for(load_task("sentiment").task, [n_questions])[n_questions]
    engine, seconds = Engine.of(loaded), []
    passes = engine.passes(questions, CONFIG, None)
    list(engine.attribute(questions[:3], CONFIG, StagePart(passes=passes)))
    if loaded.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(loaded.device)
    with timed(loaded.device, seconds):
        found = [scores.of("ace") for _, scores in engine.attribute(questions, CONFIG, StagePart(passes=passes))]
    return seconds[0] / n_questions, np.sum(found, axis=0, dtype=np.float64).ravel()


def top_set(scores: np.ndarray) -> set[int]:
    """The K best and the K worst neurons."""
    k = preset(scores.size).k
    order = np.argsort(scores)
    return {*order[:k].tolist(), *order[-k:].tolist()}


def embedded(device: str, n_questions: int) -> Iterator[Row]:
    seconds, _ = scored(load_model(ModelSpec(device=device)), n_questions)
    yield "embedded 135M, float32", f"{seconds:.3f} s a question", f"{n_questions} questions"


def shape(name: str, device: str, n_questions: int) -> Iterator[Row]:
    """Today's form at this shape: seconds, floor, sets beside float32, memory beside the estimate."""
    sets: dict[str, set[int]] = {}
    for dtype in TARGETS:
        spec = ModelSpec(dtype=dtype, device=device)
        try:
            pick_device(spec)
        except ModelError as error:
            yield f"{name} shape, {dtype}", f"NOT RUN: {error}", ""
            continue
        loaded = shapes.random_llama(name, spec)
        seconds, scores = scored(loaded, n_questions)
        prompt = tokenize_prompt(loaded.tokenizer, questions_for(load_task("sentiment").task, [3])[3][0].prompt)
        with products_of(loaded):
            floor = floor_seconds(loaded, len(prompt.token_ids), CONFIG.steps)
        sets[dtype] = top_set(scores)
        share = len(sets[dtype] & sets["float32"]) / len(sets[dtype] | sets["float32"])
        yield (
            f"{name} shape, {dtype}",
            f"{seconds:.3f} s a question; floor {floor:.3f} s: {seconds / floor:.1f} times; Jaccard with float32 "
            f"{share:.2f}",
            f"aimed at {TARGETS[dtype]:.2f} s at 7B",
        )
        if loaded.device.type == "cuda":
            weights = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
            peak = torch.cuda.max_memory_allocated(loaded.device) - weights
            said = working_bytes(dimensions_of_config(loaded.model.config.to_dict()), dtype)
            yield f"{name} shape, {dtype}, memory of a pass", f"{peak / 1e9:.2f} GB", f"estimate {said / 1e9:.2f} GB"
        del loaded
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def half_placed(name: str, device: str) -> Iterator[Row]:
    """--device-map auto while only half of the layers fit on the device: the same scores as with all of them there."""
    with tempfile.TemporaryDirectory() as folder:
        whole = shapes.random_llama(name, ModelSpec(device=device))
        whole.model.save_pretrained(folder)
        whole.tokenizer.save_pretrained(folder)
        seconds, scores = scored(whole, 3)
        layers = sum(p.numel() * p.element_size() for layer in whole.layers for p in layer.parameters())
        weights = sum(p.numel() * p.element_size() for p in whole.model.parameters())
        working = working_bytes(dimensions_of_config(whole.model.config.to_dict()), "float32")
        del whole
        ballast = None
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
            free = torch.cuda.mem_get_info()[0]
            ballast = torch.empty(int(free - (weights - layers / 2 + working) / 0.9), dtype=torch.uint8, device=device)
        placed = load_model(ModelSpec(folder, device=device, device_map="auto"))
        places = list(getattr(placed.model, "hf_device_map", {}).items())
        away = sum(str(place) in ("cpu", "disk") for part, place in places if ".layers." in part)
        slow, there = scored(placed, 3)
        del ballast
    off = float(np.abs(there - scores).max() / np.abs(scores).max())
    if not off <= PARITY:
        raise RuntimeError(f"scores differ by {off:.1e} of max|IG|")
    yield (
        f"{name} shape, --device-map auto",
        f"{away} of {placed.n_layers} layers off the device: {slow:.3f} s a question, {seconds:.3f} s with all on it; "
        f"scores differ by {off:.1e}",
        f"at most {PARITY:.0e}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the table")
    parser.add_argument("--small", action="store_true", help="tiny shapes on a processor")
    given = parser.parse_args()
    if not given.small and not torch.cuda.is_available():
        print("no CUDA device is available; --small runs the check with tiny shapes on a processor", file=sys.stderr)
        return 2
    device = "cpu" if given.small else "cuda"
    if given.small:
        shapes.SHAPES["tiny"] = (64, 176, 4, 4)
    large, middle = ("tiny", "tiny") if given.small else ("llama-2-7b", "smollm2-360m")
    parts: list[tuple[str, Callable[[], Iterator[Row]]]] = [
        ("parity", lambda: parity(device)),
        ("embedded model", lambda: embedded(device, 3 if given.small else 15)),
        (f"{large} shape", lambda: shape(large, device, 3 if given.small else 12)),
        ("--device-map auto", lambda: half_placed(middle, device)),
    ]
    began, failed = time.monotonic(), False
    rows: list[Row] = []
    for name, part in parts:
        if time.monotonic() - began > SECONDS:
            rows.append((name, "NOT RUN: no time was left", ""))
            failed = True
            continue
        try:
            for row in part():
                rows.append(row)
                print(" | ".join(row), flush=True)
        except Exception as error:
            failed = True
            rows.append((name, f"FAILED: {type(error).__name__}: {error}".replace("|", "/").split("\n")[0], ""))
            print(" | ".join(rows[-1]), flush=True)
    card = torch.cuda.get_device_name() if device == "cuda" else "processor, tiny shapes: no measurement of a GPU"
    title = f"{card}, torch {torch.__version__}, {time.strftime('%d %B %Y')}, {time.monotonic() - began:.0f} s"
    lines = [title, "", "| what | measured | beside |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
