"""Speed, as ratios taken in one run: fast attribution against the full-sequence reference, the grid against baselines."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from neuron_core.cni.attribution import attribute, reference
from neuron_core.cni.selection import example_scores, preset, select
from neuron_core.control.evaluation import option_probabilities, plan_chunks
from neuron_core.control.interventions import BUDGETS, grid
from neuron_core.models.letters import common_prefix_length, tokenize_prompt
from neuron_core.models.loading import LoadedModel, letter_logits, load_model
from neuron_core.models.rows import run_prefix, run_prompt
from neuron_core.models.shapes import random_llama
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.tasks.load import load_task

Say = Callable[[str], None]


def run_bench(spec: ModelSpec, *, quick: bool, on_stage: Say, shape: str | None = None) -> dict[str, Any]:
    """Times one model on the sentiment task; with `shape`, a Llama of that shape with random weights.

    fast_s: median seconds a question for all layers, prompt included, nothing shared with other questions.
    reference_s: seconds a question of the full-sequence procedure, scaled from the layers it was timed on.
    grid_s: median seconds a question for the whole grid, prompt included; baseline_s: one plain pass over the prompt.
    """
    config, rows = AttributionConfig(), EvaluationConfig().rows_per_pass
    on_stage("loading")
    loaded = random_llama(shape, spec) if shape else load_model(spec)
    n_examples = 1 if quick else 2
    task = load_task("sentiment").task
    draws = draw(task, n_examples, n_examples, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]
    synchronize = torch.cuda.synchronize if loaded.device.type == "cuda" else (lambda: None)

    @contextmanager
    def timed(into: list[float]) -> Iterator[None]:
        synchronize()
        began = time.perf_counter()
        yield
        synchronize()
        into.append(time.perf_counter() - began)

    def fast(number: int) -> Any:
        state = run_prompt(loaded, prompts[number])
        return attribute(
            loaded, state, questions[number].id, questions[number].target, steps=config.steps,
            layers_per_pass=config.layers_per_pass,
        )  # fmt: skip

    fast(0)
    on_stage("fast attribution")
    fast_s: list[float] = []
    scores = []
    for number in range(len(questions)):
        with timed(fast_s):
            scores.append(fast(number))

    on_stage("reference attribution")
    n_timed = 1 if quick else 3
    timed_layers = [round(i * (loaded.n_layers - 1) / n_timed) for i in range(1, n_timed + 1)]
    reference_s: list[float] = []
    worst = 0.0
    for layer in timed_layers:
        with timed(reference_s):
            slow = reference(loaded, prompts[0], questions[0].target, range(layer, layer + 1), steps=config.steps)
        worst = max(worst, float(np.abs(slow[0] - scores[0].ig[layer]).max() / np.abs(scores[0].ig).max()))
    reference_total = statistics.mean(reference_s) * loaded.n_layers

    on_stage("grid")
    ranking = select(
        example_scores(np.stack([s.ig for s in scores]), [i // 3 for i in range(len(scores))]),
        preset(loaded.n_layers * loaded.n_neurons).z,
    )
    plan = grid(ranking, BUDGETS)
    held_out = questions_of(task, draws.evaluation, draws.demonstration, 0)
    grid_s, baseline_s = _time_grid(loaded, held_out, plan, rows, timed)
    fast_median = statistics.median(fast_s)
    return {
        "model": f"{shape} shape, random weights" if shape else spec.title,
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "threads": torch.get_num_threads(),
        "T": round(statistics.mean(len(prompt.token_ids) for prompt in prompts)),
        "m": config.steps,
        "layers": loaded.n_layers,
        "neurons_a_layer": loaded.n_neurons,
        "attribution": {
            "fast_s": fast_median,
            "reference_s": reference_total,
            "reference_layers": timed_layers,
            "ratio": reference_total / fast_median,
            "max_rel_diff": worst,
            "questions": len(questions),
            "layers_per_pass": config.layers_per_pass,
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


def _time_grid(
    loaded: LoadedModel, questions: Any, plan: Any, rows: int, timed: Any
) -> tuple[list[float], list[float]]:
    """Seconds of the grid and of one plain forward pass, question by question in turn."""
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]
    shared = common_prefix_length([prompt.token_ids for prompt in prompts])
    prefix = run_prefix(loaded, prompts[0].token_ids[:shared])
    chunks = plan_chunks(loaded, plan, rows)
    grid_s: list[float] = []
    baseline_s: list[float] = []
    for question, prompt in zip(questions, prompts, strict=True):
        ids = torch.tensor([prompt.token_ids], device=loaded.device)
        letters = torch.tensor(prompt.letter_ids, device=loaded.device)
        with torch.no_grad(), timed(baseline_s):
            hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
            letter_logits(loaded, hidden, letters)
        with timed(grid_s):
            option_probabilities(loaded, run_prompt(loaded, prompt, prefix), chunks, question.id)
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
    return "\n".join(
        [
            f"{result['model']}, {result['dtype']} on {result['device']}, {result['threads']} threads, "
            f"T = {result['T']}, m = {result['m']}",
            f"attribution of one question: {a['fast_s']:.2f} s; full-sequence reference {a['reference_s']:.0f} s, "
            f"scaled from layers {a['reference_layers']}: {a['ratio']:.0f} times as long; "
            f"largest difference {a['max_rel_diff']:.1e} of max|IG|",
            f"grid of {e['interventions']} interventions on one question: {e['grid_s']:.2f} s; one plain pass "
            f"{e['baseline_s']:.2f} s: {e['ratio_to_baseline']:.1f} times",
            f"peak memory {result['peak_memory_gib']:.2f} GiB",
        ]
    )
