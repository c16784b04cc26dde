"""Times the parts of the benchmark: fast attribution, reference, Captum, shared prefixes, grid, other settings."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from neuron_core.bench.captum import captum_layer
from neuron_core.bench.floor import floor_seconds
from neuron_core.bench.timing import Say, timed, timed_layers, work_clock
from neuron_core.cni.attribution import attribute
from neuron_core.cni.passes import Passes
from neuron_core.cni.reference import reference
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.interventions import Intervention
from neuron_core.engine.engine import Engine
from neuron_core.engine.stage_part import StagePart
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt, tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, ROTATIONS, SHUFFLES, ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.tasks.task import Task

CONFIG = AttributionConfig()
EVALUATION = EvaluationConfig()
N_CONTENT_EXAMPLES = 3
N_SETTING_LAYERS = 2
"layers on which the reference is timed for another setting"


def time_attribution(
    loaded: LoadedModel, questions: Sequence[ProxyQuestion], prompts: Sequence[TokenizedPrompt], passes: Passes
) -> tuple[list[float], list[AttributionScores]]:
    """Seconds and scores of every question. The first question is attributed once more beforehand, untimed."""

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


def time_reference(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layers: Sequence[int], ig: np.ndarray
) -> tuple[list[float], float | None]:
    """Seconds of each layer, and the largest difference to `ig` (L, I) relative to max|ig|; None if `ig` is all 0."""
    seconds: list[float] = []
    apart, most = 0.0, float(np.abs(ig).max())
    for layer in layers:
        with timed(loaded.device, seconds):
            slow = reference(loaded, prompt, target, range(layer, layer + 1), steps=CONFIG.steps)
        apart = max(apart, float(np.abs(slow[0] - ig[layer]).max()))
    return seconds, apart / most if most > 0 else None


def time_grid(
    loaded: LoadedModel, questions: Sequence[ProxyQuestion], plan: Sequence[Intervention], passes: Passes
) -> tuple[list[float], list[float]]:
    """For each example, seconds per question of the whole grid and of one plain forward pass, measured in turn."""
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


def time_shared(
    loaded: LoadedModel, questions: Mapping[int, Sequence[ProxyQuestion]], passes: Passes, n_tokens: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Number of questions → seconds per question when they are asked together, and how many times the work of the floor
    for prompts of `n_tokens` tokens that is. Common beginnings are computed once.

    The floor is taken right before and after, and on a CPU both are compared in processor seconds, because the pace of
    a shared machine changes from minute to minute.
    """
    engine, clock = Engine.of(loaded), work_clock(loaded.device)
    found: dict[str, float] = {}
    to_floor: dict[str, float] = {}
    for n, asked in questions.items():
        seconds: list[float] = []
        work: list[float] = []
        before = floor_seconds(loaded, n_tokens, CONFIG.steps, clock=clock)
        with timed(loaded.device, seconds), timed(loaded.device, work, clock):
            for _ in engine.attribute(asked, CONFIG, StagePart(passes=passes)):
                pass
        after = floor_seconds(loaded, n_tokens, CONFIG.steps, clock=clock)
        found[str(n)] = seconds[0] / n
        to_floor[str(n)] = work[0] / n / statistics.mean((before, after))
    return found, to_floor


def time_content(engine: Engine, task: Task) -> dict[str, float]:
    """Seconds to attribute the same three examples by `ace` in three shuffles and by `content` in four rotations.

    Each is the faster of two turns; the two methods take turns, so that a slow moment meets both.
    """
    draws = draw(task, N_CONTENT_EXAMPLES, 1, 0)
    found: dict[str, list[float]] = {"ace": [], "content": []}
    for _ in range(2):
        for method, proxies in (("ace", SHUFFLES), ("content", ROTATIONS)):
            questions = questions_of(task, draws.attribution, draws.demonstration, 0, proxies=proxies)
            with timed(engine.loaded.device, found[method]):
                for _ in engine.attribute(questions, replace(CONFIG, methods=(method,), proxies=proxies)):
                    pass
    return {method: min(seconds) for method, seconds in found.items()}


def time_captum(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: int, layers: Sequence[int], steps: int
) -> float | None:
    """Seconds per question by Captum, scaled up from these layers; None if Captum is not installed."""
    seconds: list[float] = []
    for layer in layers:
        with timed(loaded.device, seconds):
            there = captum_layer(loaded, prompt, target, layer, steps)
        if not there:
            return None
    return statistics.mean(seconds) * loaded.n_layers


def time_setting(
    loaded: LoadedModel, prompt: TokenizedPrompt, n_tokens: int | None, steps: int | None, on_stage: Say
) -> dict[str, Any]:
    """Times the fast form, the reference, Captum and the floor for another prompt length or number of steps."""
    length = min(n_tokens or len(prompt.token_ids), loaded.context_length)
    repeats = -(-length // len(prompt.token_ids))
    # For timing, the text need not make sense: the prompt is repeated and cut at its beginning to the length wanted.
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
        "captum_s": time_captum(loaded, asked, 0, layers, config.steps),
        "floor_s": floor_s,
        "ratio": reference_s / min(fast_s),
        "ratio_to_floor": min(fast_s) / floor_s,
    }
