"""Speed, as ratios taken in one run."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from neuron_core.bench.captum import captum_layer
from neuron_core.bench.floor import floor_seconds
from neuron_core.bench.timing import peak_memory_gib, timed
from neuron_core.cni.attribution import attribute, reference
from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import example_scores, preset, select
from neuron_core.control.interventions import BUDGETS, Intervention, grid
from neuron_core.engine.engine import Engine
from neuron_core.engine.stage_part import StagePart
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt, tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.shapes import random_llama
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import Task

Say = Callable[[str], None]
CONFIG = AttributionConfig()
EVALUATION = EvaluationConfig()
# One factor at a time: tokens of the prompt and steps, None for the usual.
SETTINGS: tuple[tuple[int | None, int | None], ...] = ((64, None), (256, None), (1024, None), (None, 4), (None, 64))
COUNTS, QUICK_COUNTS = (1, 3, 15, 45), (1, 3)
N_SETTING_LAYERS = 2
WIDER = "smollm2-360m"


def run_bench(spec: ModelSpec, *, quick: bool, on_stage: Say, shape: str | None = None) -> dict[str, Any]:
    """Times one model on the sentiment task; with `shape`, a Llama of that shape with random weights.

    fast_s: median seconds a question for all layers, prompt included, nothing shared with other questions.
    reference_s: seconds a question of the full-sequence procedure, scaled from the layers it was timed on.
    max_rel_diff: between the two on those layers, relative to max|IG|; None where every score is 0.
    floor_s: seconds of the bare matrix multiplications of such a question; captum_s: as reference_s, by Captum, None
    where it is not installed.
    by_questions: seconds a question where so many share their prefixes; settings: other prompt lengths and steps and a
    wider model, one at a time (not with `quick`).
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
    on_stage("Captum")
    captum_s = _time_captum(loaded, prompts[0], questions[0].target, layers, CONFIG.steps)
    on_stage("floor")
    n_tokens = round(statistics.mean(len(prompt.token_ids) for prompt in prompts))
    floor_s = floor_seconds(loaded, n_tokens, CONFIG.steps)
    on_stage("questions that share a prefix")
    by_questions = _time_shared(loaded, questions_for(task, QUICK_COUNTS if quick else COUNTS), passes)
    on_stage("grid")
    n_total = loaded.n_layers * loaded.n_neurons
    by_example = example_scores(
        np.stack([s.of("ace") for s in scores]), list(np.arange(len(scores)) // N_PROXIES[SHUFFLES])
    )
    plan = grid(select(by_example, preset(n_total).z), BUDGETS)
    grid_s, baseline_s = _time_grid(loaded, held_out, plan, passes)
    # Of the usual setting: longer prompts, more steps and a second model follow.
    peak = peak_memory_gib(loaded.device)
    settings = [] if quick else [_time_setting(loaded, prompts[0], *each, on_stage) for each in SETTINGS]
    if not quick and shape is None:
        settings.append(_time_setting(random_llama(WIDER, spec), prompts[0], None, None, on_stage))

    fast_median, reference_total = statistics.median(fast_s), statistics.mean(reference_s) * loaded.n_layers
    return {
        "model": loaded.spec.title,
        "dtype": str(loaded.dtype).removeprefix("torch."),
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


def timed_layers(n_layers: int, n: int) -> list[int]:
    """The middle of each n-th of the layers: the cost grows with the layers above, so their mean is that of all."""
    return sorted({(2 * i + 1) * n_layers // (2 * n) for i in range(n)})


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
        with timed(loaded.device, seconds):
            scores.append(fast(question, prompt))
    return seconds, scores


def _time_reference(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layers: Sequence[int], ig: np.ndarray
) -> tuple[list[float], float | None]:
    """Seconds of every layer, and the largest difference to `ig` (L, I) relative to its largest value."""
    seconds: list[float] = []
    apart, most = 0.0, float(np.abs(ig).max())
    for layer in layers:
        with timed(loaded.device, seconds):
            slow = reference(loaded, prompt, target, range(layer, layer + 1), steps=CONFIG.steps)
        apart = max(apart, float(np.abs(slow[0] - ig[layer]).max()))
    return seconds, apart / most if most > 0 else None


def _time_grid(
    loaded: LoadedModel, questions: Sequence[ProxyQuestion], plan: Sequence[Intervention], passes: Passes
) -> tuple[list[float], list[float]]:
    """Seconds a question of the grid, an example's questions at once, and of one plain forward pass, in turn."""
    prompts = [tokenize_prompt(loaded.tokenizer, question.prompt) for question in questions]
    engine, config = Engine.of(loaded), EVALUATION
    grid_s: list[float] = []
    baseline_s: list[float] = []
    for start in range(0, len(questions), N_PROXIES[SHUFFLES]):
        members = range(start, min(start + N_PROXIES[SHUFFLES], len(questions)))
        plain: list[float] = []
        for prompt in (prompts[number] for number in members):
            ids = torch.tensor([prompt.token_ids], device=loaded.device)
            letters = torch.tensor(prompt.letter_ids, device=loaded.device)
            with torch.no_grad(), timed(loaded.device, plain):
                hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
                letter_logits(loaded, hidden, letters)
        whole: list[float] = []
        with timed(loaded.device, whole):
            for _ in engine.evaluate([questions[number] for number in members], plan, config, StagePart(passes=passes)):
                pass
        grid_s.append(whole[0] / len(members))
        baseline_s.append(statistics.mean(plain))
    return grid_s, baseline_s


def questions_for(task: Task, counts: Sequence[int]) -> dict[int, Sequence[ProxyQuestion]]:
    """So many questions of the task's first examples, by number."""
    n_examples = -(-max(counts) // N_PROXIES[SHUFFLES])
    draws = draw(task, n_examples, 1, 0)
    questions = questions_of(task, draws.attribution, draws.demonstration, 0)
    return {n: questions[:n] for n in counts}


def _time_shared(
    loaded: LoadedModel, questions: Mapping[int, Sequence[ProxyQuestion]], passes: Passes
) -> dict[str, float]:
    """Seconds a question, by how many are asked: common beginnings are computed once."""
    engine, found = Engine.of(loaded), {}
    for n, asked in questions.items():
        seconds: list[float] = []
        with timed(loaded.device, seconds):
            for _ in engine.attribute(asked, CONFIG, StagePart(passes=passes)):
                pass
        found[str(n)] = seconds[0] / n
    return found


def _time_captum(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layers: Sequence[int], steps: int
) -> float | None:
    """Seconds a question, scaled from these layers; None without Captum."""
    seconds: list[float] = []
    for layer in layers:
        with timed(loaded.device, seconds):
            there = captum_layer(loaded, prompt, target, layer, steps)
        if not there:
            return None
    return statistics.mean(seconds) * loaded.n_layers


def _time_setting(
    loaded: LoadedModel, prompt: TokenizedPrompt, n_tokens: int | None, steps: int | None, on_stage: Say
) -> dict[str, Any]:
    """Fast, reference, Captum and floor for a prompt of so many tokens and so many steps."""
    length = min(n_tokens or len(prompt.token_ids), loaded.context_length)
    repeats = -(-length // len(prompt.token_ids))
    # Speed needs no sense: the prompt again and again, cut at its beginning, so that its end is the question's.
    asked = TokenizedPrompt((prompt.token_ids * repeats)[-length:], prompt.letter_ids)
    config = replace(CONFIG, steps=steps or CONFIG.steps)
    on_stage(f"T = {length}, m = {config.steps}")
    layers = timed_layers(loaded.n_layers, N_SETTING_LAYERS)
    passes = Engine.of(loaded).passes([], config, None, n_tokens=length)
    fast_s: list[float] = []
    for _ in range(2):
        with timed(loaded.device, fast_s):
            attribute(loaded, run_prompt(loaded, asked), "bench", 0, steps=config.steps, layers_per_pass=passes.layers)
    slow_s: list[float] = []
    for layer in layers:
        with timed(loaded.device, slow_s):
            reference(loaded, asked, 0, range(layer, layer + 1), steps=config.steps)
    floor_s, reference_s = floor_seconds(loaded, length, config.steps), statistics.mean(slow_s) * loaded.n_layers
    return {
        "model": loaded.spec.title,
        "T": length,
        "m": config.steps,
        "fast_s": min(fast_s),
        "reference_s": reference_s,
        "reference_layers": layers,
        "captum_s": _time_captum(loaded, asked, 0, layers, config.steps),
        "floor_s": floor_s,
        "ratio": reference_s / min(fast_s),
        "ratio_to_floor": min(fast_s) / floor_s,
    }
