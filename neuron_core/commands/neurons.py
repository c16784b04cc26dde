"""The command `measure-neurons`: what the Neuron page shows about the strongest neurons of a run, measured at once."""

from typing import Annotated, Any, get_args

import typer

from neuron_core.analysis.layers import neuron_rows
from neuron_core.commands.common import load_engine
from neuron_core.commands.options import AsJson, Run
from neuron_core.errors import RunError
from neuron_core.runs.neuron_findings import What, read_finding, shipped_folder
from neuron_core.runs.store import Store
from neuron_core.service.job_steps import neuron_steps
from neuron_core.terminal import emit, progress_bars

WHAT: tuple[What, ...] = get_args(What)


def measure_neurons(
    run: Run,
    strongest: Annotated[int, typer.Option(min=1, help="How many good and how many bad neurons, by rank.")] = 10,
    method: Annotated[str | None, typer.Option(help="One of the run's methods; the first.")] = None,
    texts: Annotated[int, typer.Option(min=1, help="Texts of the task read at most, to see where they fire.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Measures the strongest neurons of a run: their tokens, their effect alone, where they fire. The Neuron page
    shows it. What was measured before is kept.
    """
    folder = Store().open(run)
    setting, ranking = folder.setting(), folder.ranking(method)
    if setting is None or ranking is None:
        known = ", ".join(folder.config().attribution.methods)
        raise RunError("the run has no such neurons", where=folder.id, accepted=f"a finished attribution by {known}")
    place = shipped_folder(folder)
    neurons = [(row.layer, row.index) for row in neuron_rows(ranking.cut(strongest))]
    todo = {what: [one for one in neurons if read_finding(place, *one, what) is None] for what in WHAT}
    if any(todo.values()):
        engine = load_engine(folder.config().model)
        with progress_bars() as progress:
            for what, those in todo.items():
                bar = progress.add_task(what, total=None)
                for step in neuron_steps(folder, place, what, those, engine, texts) if those else ():
                    progress.update(bar, total=step.total, completed=step.done)
    names = [f"{layer}.{index}" for layer, index in neurons]
    emit({"folder": str(place), "neurons": names, "measured": sum(map(len, todo.values()))}, as_json, _text)


def _text(found: dict[str, Any]) -> str:
    return f"{found['measured']} findings measured about {len(found['neurons'])} neurons; they lie in {found['folder']}"
