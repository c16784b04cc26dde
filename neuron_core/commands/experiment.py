"""The command `experiment`: makes the paper's tables and figures, using finished runs and making the missing ones."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from neuron_core.cni.selection import PAPER_K, preset
from neuron_core.cni.sets import MOST_NEURONS
from neuron_core.commands.cluster import ClusterGroup
from neuron_core.commands.common import task_name
from neuron_core.commands.experiment_models import ExperimentModels, figure9_cost
from neuron_core.commands.groups import OptionGroup, with_groups
from neuron_core.commands.options import AsJson, ModelOptions, Seed, numbers_from_1
from neuron_core.commands.outputs import check_folder
from neuron_core.commands.wording import USUAL_WORDING, WordingOptions
from neuron_core.experiments.plan import OUTPUTS, TASKS, ExperimentSetting, main_config, wanted_outputs
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.terminal import emit, progress_bars, put, say, stage_bars

MOST_LENGTH = 1024
"tokens of an answer of Figure 9"
OF_PARTS = ("parts", "parts-stability", "dose")
"outputs whose attribution examples are drawn apart from those of the others"


@dataclass(frozen=True)
class ExperimentOptions(OptionGroup):
    """The settings of the runs that the tables and figures are made from."""

    tasks: Annotated[str, typer.Option(help="Bundled tasks or files, separated by commas.")] = ",".join(TASKS)
    examples: Annotated[
        int, typer.Option(min=2, help="Evaluation examples of each task, with three questions each.")
    ] = 50
    draws: Annotated[
        int, typer.Option(min=1, help="How often the attribution examples are drawn; 1 leaves out `stability`.")
    ] = 5
    attribution_examples: Annotated[int, typer.Option(min=1, help="Number of attribution examples, tr of Eq. 5.")] = 5
    content_examples: Annotated[
        int,
        typer.Option(min=1, help="Attribution examples of `parts` and of each of its draws, with four questions each."),
    ] = 10
    k: Annotated[
        int | None,
        typer.Option(min=1, help="The budget K. The default depends on the model's size; for `parts` it is 100."),
    ] = None
    z: Annotated[
        int | None,
        typer.Option(
            min=1, help="Neurons kept at each end of an example's ranking; the default depends on the model's size."
        ),
    ] = None
    budget_tasks: Annotated[str, typer.Option(help="Tasks of Table 7 and of m = 64; by default the last task.")] = ""
    budgets: Annotated[str, typer.Option(help="Budgets of Table 7.")] = "10,25,50,100,150,200,250,500"
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="Number of integration steps, m of Eq. 1.")] = 16
    random_seeds: Annotated[int, typer.Option(min=1, help="Number of random control sets of Table 1.")] = 5
    sample: Annotated[str, typer.Option(help="Which evaluation examples: natural, balanced or comprehended.")] = (
        "natural"
    )
    position: Annotated[str, typer.Option(help="Where neurons are scaled: last or all.")] = "last"
    question: Annotated[str | None, typer.Option(help="Id of the evaluation question of Figure 10.")] = None
    lengths: Annotated[str, typer.Option(help="Answer lengths of Figure 9.")] = "1,2,4,8,16,32"

    def setting(self, model: ModelSpec, seed: int, prompt: PromptConfig, budget: int) -> ExperimentSetting:
        """The settings of the experiment. budget: K, if no option says it. ConfigError for a setting that is out of
        its range.
        """
        return ExperimentSetting(
            tasks=_tasks(self.tasks),
            model=model,
            k=self.k or budget,
            z=self.z,
            seed=seed,
            examples=self.examples,
            attribution_examples=self.attribution_examples,
            content_examples=self.content_examples,
            parts_k=self.k or PAPER_K,
            draws=self.draws,
            steps=self.steps,
            random_seeds=self.random_seeds,
            budgets=numbers_from_1(self.budgets, "--budgets", MOST_NEURONS),
            budget_tasks=_tasks(self.budget_tasks),
            position=self.position,
            sample=self.sample,
            question=self.question,
            prompt=prompt,
        )


@with_groups
def experiment(
    name: Annotated[list[str], typer.Argument(help=f"all, or some of: {', '.join(OUTPUTS)}.")],
    options: ExperimentOptions,
    model: ModelOptions,
    cluster: ClusterGroup,
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    out: Annotated[Path, typer.Option(help="Folder of the tables and the report.")] = Path("experiment-report"),
    as_json: AsJson = False,
) -> None:
    """Makes the paper's tables and figures for several tasks, as files and one HTML report. Runs what is missing."""
    from neuron_core.experiments.files import result_of, text_of, write_files
    from neuron_core.experiments.make_runs import make_runs
    from neuron_core.experiments.outputs import make_output

    began = time.monotonic()
    answer_lengths, chosen = numbers_from_1(options.lengths, "--lengths", MOST_LENGTH), model.spec()
    model_of = ExperimentModels(chosen, cluster.options())
    # A mistake in the options or in a task is found before a model is loaded.
    setting = options.setting(chosen, seed, wording.config(), 1)
    outputs = wanted_outputs(name, setting)
    _check_tasks(setting, outputs)
    check_folder(out, "--out")
    store = Store()
    try:
        if options.k is None:
            setting = replace(setting, k=preset(model_of.facts(store).n_total).k)
        with progress_bars() as progress:

            def on_run(kind: str, task: str, run: RunFolder) -> None:
                for bar in progress.task_ids:
                    progress.remove_task(bar)
                model_of.show = stage_bars(progress)
                say(f"{task}: {kind} ({run.id})")

            runs = make_runs(
                setting,
                outputs,
                store,
                out.absolute(),
                model_of.engine,
                on_run=on_run,
                on_progress=lambda status: model_of.show(status),
            )
        cost = figure9_cost(out, setting, answer_lengths, model_of) if "fig9" in outputs else None
    except KeyboardInterrupt:
        say(f"Stopped. What was finished is kept: the same `{PROGRAM} experiment` command goes on.")
        raise
    finally:
        model_of.close()
    made = [make_output(one, setting, runs, cost) for one in outputs]
    runs.check_unchanged()
    seconds = time.monotonic() - began
    files = write_files(out, setting, runs, made, seconds)
    if as_json:
        emit(result_of(out, setting, runs, made, files, seconds), True, str)
    else:
        put(text_of(made, out, files, seconds))


def _check_tasks(setting: ExperimentSetting, outputs: Sequence[str]) -> None:
    """TaskError or ConfigError for a task with too few examples, or one that can't be asked with this wording."""
    from neuron_core.qatt.draws import draw
    from neuron_core.qatt.prompt import check_wording
    from neuron_core.tasks.load import load_task

    each = setting.attribution_examples * setting.draws if set(outputs) - set(OF_PARTS) else 0
    content = setting.content_examples * (setting.draws if "parts-stability" in outputs else 1)
    needed = max(1, each, content if set(outputs) & set(OF_PARTS) else 0)
    for ref in setting.tasks:
        # ConfigError for a number that no run may have.
        main_config(setting, ref)
        task = load_task(ref).task
        draws = draw(
            task,
            needed,
            setting.examples if setting.sample == "natural" else 0,
            setting.seed,
            setting.prompt.demonstration,
        )
        check_wording(task, (*draws.attribution, *draws.evaluation), setting.seed, setting.prompt)


def _tasks(text: str) -> tuple[str, ...]:
    return tuple(task_name(task.strip()) for task in text.split(",") if task.strip())
