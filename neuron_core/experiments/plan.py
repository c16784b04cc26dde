"""The setting of an experiment, its outputs, and the configs of the runs that they need. No torch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neuron_core.cni.methods import PAPER_CONTROLS, PAPER_METHODS
from neuron_core.control.interventions import BUDGETS, DIRECTIONS, RATIOS, Direction
from neuron_core.errors import ConfigError, first_of
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.proxies import ROTATIONS
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse

TASKS = ("ner", "sentiment", "chunking", "commonsense")
OURS = "ace"
MORE_STEPS = 64
PARTS_RATIO = 0.5
"share of good neurons in every set of `parts`; it is fixed, not chosen by its effect"
OUTPUTS: dict[str, tuple[str, ...]] = {
    "table1": ("main",),
    "table2": ("main",),
    "table3": ("main",),
    "table4": ("main",),
    "table5": ("main", "sets"),
    "table6": ("main",),
    "table7": ("main", "budgets"),
    "table8": ("main", "sets"),
    "fig2": ("main", "sets"),
    "fig5": ("main",),
    "fig6": ("main",),
    "fig7": ("main",),
    "fig9": (),
    "fig10": ("main",),
    "overlap": ("main",),
    "letters": ("main",),
    "stability": ("main", "draws", "steps"),
    "parts": ("content", "paper", "parts"),
    "parts-stability": ("content_draws",),
    "dose": ("content", "dose"),
}
"output → the kinds of runs from which it is made"
ALIASES = {"fig4": "fig2"}
"Figure 4 of the paper shows the matrices of Figure 2 for more models"
SEVERAL_TASKS = ("table5", "table8", "fig2", "fig6", "fig7", "overlap", "parts")
"outputs that compare tasks"
STABILITY = ("stability", "parts-stability")
"outputs that compare draws"


@dataclass(frozen=True)
class ExperimentSetting:
    """All settings of an experiment."""

    tasks: tuple[str, ...]
    model: ModelSpec
    k: int
    "budget of all tables except Table 7"
    z: int | None = None
    seed: int = 0
    examples: int = 50
    "number of evaluation examples of each task, with three questions each"
    attribution_examples: int = 5
    "number of attribution examples (tr of Eq. 5)"
    draws: int = 5
    "number of disjoint draws of attribution examples; with fewer than 2, stability is left out"
    steps: int = 16
    random_seeds: int = 5
    ratios: tuple[float, ...] = RATIOS
    budgets: tuple[int, ...] = BUDGETS
    "budgets of Table 7"
    budget_tasks: tuple[str, ...] = ()
    "tasks of Table 7 and of the run with more steps; empty: the last task (in the paper, commonsense)"
    position: str = "last"
    sample: str = "natural"
    content_examples: int = 10
    "attribution examples of `parts` and of each draw of `parts-stability`, with four rotations each"
    parts_k: int | None = None
    "K of `parts`: methods' sets have K neurons, own parts 2K, and 4K common neurons are banned; None: equal to k"
    question: str | None = None
    "id of the question of Figure 10; None: for every task, one that the direction could change"
    prompt: PromptConfig = USUAL
    "wording of the questions of all tasks"

    def __post_init__(self) -> None:
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ConfigError(f"tasks {first_of(self.tasks) or 'none'}", accepted="one task or more, each once")
        if not set(self.budget_tasks) <= set(self.tasks):
            raise ConfigError(f"budgets of {first_of(self.budget_tasks)}", accepted=first_of(self.tasks))
        if not {0.0, 1.0} <= set(self.ratios):
            raise ConfigError(
                f"ratios [{first_of(self.ratios)}]", accepted="0 and 1 among them: Tables 3 and 6 need both"
            )

    @property
    def tasks_of_budgets(self) -> tuple[str, ...]:
        return self.budget_tasks or self.tasks[-1:]

    @property
    def k_of_parts(self) -> int:
        return self.parts_k or self.k

    @property
    def stable(self) -> bool:
        """Whether there are draws to compare."""
        return self.draws > 1


def wanted_outputs(names: Sequence[str], setting: ExperimentSetting) -> tuple[str, ...]:
    """The outputs with these names in their usual order. `all` means every output that the setting allows.

    Raises ConfigError for an unknown name, and for an output that needs several tasks or draws if there is only one.
    """
    if "all" in names:
        found = [name for name in OUTPUTS if len(setting.tasks) > 1 or name not in SEVERAL_TASKS]
        return tuple(name for name in found if setting.stable or name not in STABILITY)
    asked = {ALIASES.get(name, name) for name in names}
    if unknown := sorted(asked - set(OUTPUTS)):
        raise ConfigError(
            f"unknown experiment {unknown[0]!r}", accepted=", ".join(("all", *OUTPUTS, *ALIASES)), where="experiment"
        )
    if len(setting.tasks) < 2 and (alone := sorted(asked & set(SEVERAL_TASKS))):
        raise ConfigError(f"{', '.join(alone)} with one task", accepted="two tasks or more", where="--tasks")
    if not setting.stable and asked & set(STABILITY):
        raise ConfigError(f"stability over {setting.draws} draws", accepted="2 or more", where="--draws")
    return tuple(name for name in OUTPUTS if name in asked)


def main_config(setting: ExperimentSetting, task: str) -> RunConfig:
    """The run that attributes by every method and evaluates all of them at one budget."""
    return _config(
        setting,
        task,
        AttributionConfig(
            methods=PAPER_METHODS, steps=setting.steps, examples=setting.attribution_examples, z=setting.z, k=setting.k
        ),
        replace(
            _evaluation(setting, (setting.k,)),
            methods=(*PAPER_METHODS, *PAPER_CONTROLS),
            random_seeds=setting.random_seeds,
        ),
    )


def draws_config(setting: ExperimentSetting, task: str) -> RunConfig:
    """The run that attributes all draws of the examples at once. The first draw is the one of the main run."""
    return _config(setting, task, _attribution(setting, setting.attribution_examples * setting.draws), None)


def steps_config(setting: ExperimentSetting, task: str) -> RunConfig:
    """The run that attributes the questions of the main run with more steps."""
    return _config(setting, task, replace(_attribution(setting), steps=MORE_STEPS), None)


def content_config(setting: ExperimentSetting, task: str, draws: int = 1) -> RunConfig:
    """The run that attributes by `content`, with four rotations of each example."""
    attribution = AttributionConfig(
        methods=("content",),
        steps=setting.steps,
        examples=setting.content_examples * draws,
        z=setting.z,
        proxies=ROTATIONS,
    )
    return _config(setting, task, attribution, None)


def paper_config(setting: ExperimentSetting, task: str) -> RunConfig:
    """The run by the paper's method: three shuffles of each example, z, and ambiguous neurons dropped."""
    return _config(setting, task, _attribution(setting), None)


def parts_config(
    setting: ExperimentSetting, task: str, uses: Sequence[SetUse], ks: Sequence[int], random_seeds: int
) -> RunConfig:
    """The run that evaluates neuron sets on a task in four rotations at one ratio.

    The examples on which the task's own sets were found are not evaluated.
    """
    evaluation = replace(_evaluation(setting, ks), ratios=(PARTS_RATIO,), random_seeds=random_seeds, proxies=ROTATIONS)
    n_attribution = max(setting.content_examples, setting.attribution_examples)
    attribution = replace(_attribution(setting, n_attribution), methods=())
    return _config(setting, task, attribution, evaluation, tuple(uses))


def sets_config(
    setting: ExperimentSetting,
    task: str,
    uses: Sequence[SetUse],
    ks: Sequence[int] = (),
    n_attribution: int | None = None,
) -> RunConfig:
    """The run that evaluates neuron sets on a task. The examples on which they were found are not evaluated."""
    attribution = replace(_attribution(setting, n_attribution or setting.attribution_examples), methods=())
    return _config(setting, task, attribution, _evaluation(setting, ks or (setting.k,)), tuple(uses))


def good_only(ratio: float = 1.0) -> dict[Direction, float]:
    """Direction → the only ratio of a method that finds no bad neurons."""
    return dict.fromkeys(DIRECTIONS, ratio)


def set_names(kind: str, tasks: Sequence[str]) -> Mapping[str, str]:
    """Task → a name for its neuron set that a run accepts. No two tasks have the same name."""
    return {
        task: f"{kind}-{number}-{re.sub(r'[^A-Za-z0-9]+', '-', task).strip('-')[:40]}"
        for number, task in enumerate(tasks, start=1)
    }


def _config(
    setting: ExperimentSetting,
    task: str,
    attribution: AttributionConfig,
    evaluation: EvaluationConfig | None,
    sets: tuple[SetUse, ...] = (),
) -> RunConfig:
    return RunConfig(
        task=task,
        model=setting.model,
        seed=setting.seed,
        prompt=setting.prompt,
        attribution=attribution,
        evaluation=evaluation,
        sets=sets,
    )


def _attribution(setting: ExperimentSetting, examples: int | None = None) -> AttributionConfig:
    return AttributionConfig(
        methods=(OURS,),
        steps=setting.steps,
        examples=examples or setting.attribution_examples,
        z=setting.z,
        k=setting.k,
    )


def _evaluation(setting: ExperimentSetting, ks: Sequence[int]) -> EvaluationConfig:
    return EvaluationConfig(
        examples=setting.examples,
        ks=tuple(ks),
        ratios=setting.ratios,
        random_seeds=0,
        position=setting.position,
        sample=setting.sample,
    )
