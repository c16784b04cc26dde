"""Speed, as ratios taken in one run: fast attribution against the reference, the grid against baselines."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from neuron_core.cni.attribution import attribute, reference
from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import example_scores, preset, select
from neuron_core.control.evaluation import option_probabilities, plan_chunks
from neuron_core.control.interventions import BUDGETS, Intervention, grid
from neuron_core.models.letters import TokenizedPrompt, tokenize_prompt
from neuron_core.models.loading import LoadedModel, letter_logits, load_model
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.rows import run_prompt
from neuron_core.models.shapes import random_llama
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.engine import Engine
from neuron_core.tasks.load import load_task

Say = Callable[[str], None]
CONFIG = AttributionConfig()
EVALUATION = EvaluationConfig()


def run_bench(spec: ModelSpec, *, quick: bool, on_stage: Say, shape: str | None = None) -> dict[str, Any]:
    """Times one model on the sentiment task; with `shape`, a Llama of that shape with random weights.

    fast_s: median seconds a question for all layers, prompt included, nothing shared with other questions.
    reference_s: seconds a question of the full-sequence procedure, scaled from the layers it was timed on.
    max_rel_diff: between the two on those layers, relative to max|IG|; None where every score is 0.
    grid_s: median seconds a question for the whole grid, prompt included; baseline_s: one plain pass over the prompt.
    """
    on_stage("loading")
    loaded = random_llama(shape, spec) if shape else load_model(spec, on_stage)
    n_examples, n_timed = (1, 1) if quick else (2, 3)
    task = load_task("sentiment").task
    draws = draw(task, n_examples, n_examples, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    held_out = questions_of(task, draws.evaluation, draws.demonstration, 0)
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]

    on_stage("fast attribution")
    passes = Engine.of(loaded).passes([*questions, *held_out], CONFIG, EVALUATION)
    fast_s, scores = _time_attribution(loaded, questions, prompts, passes)
    on_stage("reference attribution")
    layers = timed_layers(loaded.n_layers, n_timed)
    reference_s, worst = _time_reference(loaded, prompts[0], questions[0].target, layers, scores[0].of("ace"))
    on_stage("grid")
    n_total = loaded.n_layers * loaded.n_neurons
    by_example = example_scores(np.stack([s.of("ace") for s in scores]), [i // N_PROXIES for i in range(len(scores))])
    plan = grid(select(by_example, preset(n_total).z), BUDGETS)
    grid_s, baseline_s = _time_grid(loaded, held_out, plan, passes)

    fast_median, reference_total = statistics.median(fast_s), statistics.mean(reference_s) * loaded.n_layers
    return {
        "model": loaded.spec.title,
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "threads": torch.get_num_threads(),
        "T": round(statistics.mean(len(prompt.token_ids) for prompt in prompts)),
        "m": CONFIG.steps,
        "layers": loaded.n_layers,
        "neurons_a_layer": loaded.n_neurons,
        "attribution": {
            "fast_s": fast_median,
            "reference_s": reference_total,
            "reference_layers": layers,
            "ratio": reference_total / fast_median,
            "max_rel_diff": worst,
            "questions": len(questions),
            "layers_per_pass": passes.layers,
        },
        "evaluation": {
            "grid_s": statistics.median(grid_s),
            "baseline_s": statistics.median(baseline_s),
            "ratio_to_baseline": statistics.median(g / b for g, b in zip(grid_s, baseline_s, strict=True)),
            "interventions": len(plan),
            "questions": len(held_out),
        },
        "peak_memory_gib": peak_memory_gib(loaded.device),
    }


def timed_layers(n_layers: int, n: int) -> list[int]:
    """The middle of each n-th of the layers: the cost grows with the layers above, so their mean is that of all."""
    return sorted({(2 * i + 1) * n_layers // (2 * n) for i in range(n)})


@contextmanager
def _timed(device: torch.device, into: list[float]) -> Iterator[None]:
    _wait_for(device)
    began = time.perf_counter()
    yield
    _wait_for(device)
    into.append(time.perf_counter() - began)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _time_attribution(
    loaded: LoadedModel, questions: Sequence[ProxyQuestion], prompts: Sequence[TokenizedPrompt], passes: Passes
) -> tuple[list[float], list[AttributionScores]]:
    """Seconds and scores of every question; the first is attributed once before, untimed."""

    def fast(question: ProxyQuestion, prompt: TokenizedPrompt) -> AttributionScores:
        return attribute(
            loaded,
            run_prompt(loaded, prompt),
            question.id,
            question.target,
            steps=CONFIG.steps,
            layers_per_pass=passes.layers,
        )

    fast(questions[0], prompts[0])
    seconds: list[float] = []
    scores = []
    for question, prompt in zip(questions, prompts, strict=True):
        with _timed(loaded.device, seconds):
            scores.append(fast(question, prompt))
    return seconds, scores


def _time_reference(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layers: Sequence[int], ig: np.ndarray
) -> tuple[list[float], float | None]:
    """Seconds of every layer, and the largest difference to `ig` (L, I) relative to its largest value."""
    seconds: list[float] = []
    apart, most = 0.0, float(np.abs(ig).max())
    for layer in layers:
        with _timed(loaded.device, seconds):
            slow = reference(loaded, prompt, target, range(layer, layer + 1), steps=CONFIG.steps)
        apart = max(apart, float(np.abs(slow[0] - ig[layer]).max()))
    return seconds, apart / most if most > 0 else None


def _time_grid(
    loaded: LoadedModel, questions: Sequence[ProxyQuestion], plan: Sequence[Intervention], passes: Passes
) -> tuple[list[float], list[float]]:
    """Seconds of the grid and of one plain forward pass, question by question in turn."""
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]
    shared = SharedPrompts(loaded, prompts, [question.example_id for question in questions])
    chunks = plan_chunks(loaded, plan, passes.rows)
    grid_s: list[float] = []
    baseline_s: list[float] = []
    for number, (question, prompt) in enumerate(zip(questions, prompts, strict=True)):
        ids = torch.tensor([prompt.token_ids], device=loaded.device)
        letters = torch.tensor(prompt.letter_ids, device=loaded.device)
        with torch.no_grad(), _timed(loaded.device, baseline_s):
            hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
            letter_logits(loaded, hidden, letters)
        with _timed(loaded.device, grid_s):
            option_probabilities(loaded, shared.run(number), chunks, question.id)
    return grid_s, baseline_s


def peak_memory_gib(device: torch.device) -> float:
    """Largest memory so far: of the CUDA device, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def bench_text(result: dict[str, Any]) -> str:
    """The measured figures for a terminal."""
    a, e = result["attribution"], result["evaluation"]
    worst = "no score to compare" if a["max_rel_diff"] is None else f"{a['max_rel_diff']:.1e} of max|IG|"
    return "\n".join(
        [
            f"{result['model']}, {result['dtype']} on {result['device']}, {result['threads']} threads, "
            f"T = {result['T']}, m = {result['m']}",
            f"attribution of one question: {a['fast_s']:.3g} s; full-sequence reference {a['reference_s']:.3g} s, "
            f"scaled from layers {a['reference_layers']}: {a['ratio']:.0f} times as long; largest difference {worst}",
            f"grid of {e['interventions']} interventions on one question: {e['grid_s']:.3g} s; one plain pass "
            f"{e['baseline_s']:.3g} s: {e['ratio_to_baseline']:.1f} times",
            f"peak memory {result['peak_memory_gib']:.2f} GiB",
        ]
    )
