"""The benchmark: how fast attribution and interventions are, compared with slower ways to compute the same."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from neuron_core.bench.floor import floor_seconds
from neuron_core.bench.stages import (
    CONFIG,
    EVALUATION,
    time_attribution,
    time_captum,
    time_content,
    time_grid,
    time_reference,
    time_setting,
    time_shared,
)
from neuron_core.bench.timing import Say, peak_memory_gib, timed_layers
from neuron_core.cni.selection import example_scores, preset, select
from neuron_core.control.interventions import BUDGETS, grid
from neuron_core.engine.engine import Engine
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.products import products_of
from neuron_core.models.shapes import random_llama
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import Task

# (tokens of the prompt, steps); None: as usual. One of them changes at a time.
SETTINGS: tuple[tuple[int | None, int | None], ...] = ((64, None), (256, None), (1024, None), (None, 4), (None, 64))
COUNTS, QUICK_COUNTS = (1, 3, 15, 45), (1, 3)
WIDER = "smollm2-360m"


def run_bench(spec: ModelSpec, *, quick: bool, on_stage: Say, shape: str | None = None) -> dict[str, Any]:
    """Times one model on the sentiment task; with `shape`, a Llama of that shape with random weights.

    The result has these fields, in seconds per question unless stated otherwise:

    - fast_s: the fast form, all layers, the prompt included and nothing shared with other questions; median
    - reference_s: the slow form, scaled up from the layers on which it was timed
    - max_rel_diff: largest difference between the two on these layers, relative to max|IG|; None if all scores are 0
    - captum_s: like reference_s, computed by Captum; None if it is not installed
    - floor_s: only the matrix multiplications of a question
    - by_questions: number of questions that share their prefixes → seconds per question
    - shared_to_floor: the same → how many times the work of the floor; on a CPU, of processor seconds
    - content: seconds that ACE (three shuffles) and the method `content` (four rotations) take for the same examples
    - settings: the same for other prompt lengths, other steps and a wider model (not with `quick`)
    - grid_s: the whole grid of interventions, the prompt included; median
    - baseline_s: one plain forward pass over the prompt
    - peak_memory_gib: largest memory use of the usual setting, in GiB
    """
    on_stage("loading")
    loaded = random_llama(shape, spec) if shape else load_model(spec, on_stage)
    with products_of(loaded):
        return _timed(loaded, spec, quick, on_stage, shape)


def _timed(loaded: LoadedModel, spec: ModelSpec, quick: bool, on_stage: Say, shape: str | None) -> dict[str, Any]:
    n_examples, n_timed = (1, 1) if quick else (2, 3)
    task = load_task("sentiment").task
    draws = draw(task, n_examples, n_examples, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    held_out = questions_of(task, draws.evaluation, draws.demonstration, 0)
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]

    on_stage("fast attribution")
    passes = Engine.of(loaded).passes([*questions, *held_out], CONFIG, EVALUATION)
    fast_s, scores = time_attribution(loaded, questions, prompts, passes)
    on_stage("reference attribution")
    layers = timed_layers(loaded.n_layers, n_timed)
    reference_s, worst = time_reference(loaded, prompts[0], questions[0].target, layers, scores[0].of("ace"))
    on_stage("Captum")
    captum_s = time_captum(loaded, prompts[0], questions[0].target, layers, CONFIG.steps)
    on_stage("floor")
    n_tokens = round(statistics.mean(len(prompt.token_ids) for prompt in prompts))
    floor_s = floor_seconds(loaded, n_tokens, CONFIG.steps)
    on_stage("questions that share a prefix")
    asked = questions_for(task, QUICK_COUNTS if quick else COUNTS)
    by_questions, shared_to_floor = time_shared(loaded, asked, passes, n_tokens)
    on_stage("the method content")
    content = time_content(Engine.of(loaded), task)
    on_stage("grid")
    n_total = loaded.n_layers * loaded.n_neurons
    by_example = example_scores(
        np.stack([s.of("ace") for s in scores]), list(np.arange(len(scores)) // N_PROXIES[SHUFFLES])
    )
    plan = grid(select(by_example, preset(n_total).z), BUDGETS)
    grid_s, baseline_s = time_grid(loaded, held_out, plan, passes)
    # Read before the other settings, which need more memory.
    peak = peak_memory_gib(loaded.device)
    settings = [] if quick else [time_setting(loaded, prompts[0], *each, on_stage) for each in SETTINGS]
    if not quick and shape is None:
        settings.append(time_setting(random_llama(WIDER, spec), prompts[0], None, None, on_stage))

    fast_median, reference_total = statistics.median(fast_s), statistics.mean(reference_s) * loaded.n_layers
    return {
        "model": loaded.spec.title,
        "dtype": loaded.dtype_name,
        "device": str(loaded.device),
        "threads": torch.get_num_threads(),
        "T": n_tokens,
        "m": CONFIG.steps,
        "layers": loaded.n_layers,
        "neurons_a_layer": loaded.n_neurons,
        "attribution": {
            "fast_s": fast_median,
            "reference_s": reference_total,
            "reference_layers": layers,
            "ratio": reference_total / fast_median,
            "max_rel_diff": worst,
            "captum_s": captum_s,
            "floor_s": floor_s,
            "ratio_to_floor": fast_median / floor_s,
            "by_questions": by_questions,
            "shared_to_floor": shared_to_floor,
            "content": content | {"ratio": content["content"] / content["ace"]},
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
        "settings": settings,
        "peak_memory_gib": peak,
    }


def questions_for(task: Task, counts: Sequence[int]) -> dict[int, Sequence[ProxyQuestion]]:
    """Each count → that many questions of the first examples drawn from the task."""
    n_examples = -(-max(counts) // N_PROXIES[SHUFFLES])
    draws = draw(task, n_examples, 1, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    return {n: questions[:n] for n in counts}
