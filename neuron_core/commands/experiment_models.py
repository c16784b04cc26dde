"""The engine of an experiment's runs, and the measurement of Figure 9: seconds by the length of the answer."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuron_core.collector import importing
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.engines import LocalEngines, engines_for
from neuron_core.errors import RunError
from neuron_core.estimates.estimate import facts_from_runs
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.files import FORMAT, Seal, read_bytes, seal, unseal, write_file
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import Store
from neuron_core.terminal import progress_bars, stage_line

if TYPE_CHECKING:
    import pandas as pd

    from neuron_core.engine.engine import Engine
    from neuron_core.engine.run_engine import RunEngine
    from neuron_core.experiments.figure9 import CostSetting

COST_FILE = "fig9-measured.json"


class ExperimentModels:
    """The engine of an experiment's runs. It is loaded when the first of them needs it."""

    def __init__(self, chosen: ModelSpec, cluster: ClusterOptions | None) -> None:
        """cluster: where runs are computed; None for this process."""
        self._spec = chosen
        self._engines = engines_for(cluster)
        self.show: Callable[..., None] = lambda status: None
        "shows the progress of the run that is going on"

    def engine(self, on_stage: Callable[[str], None]) -> "RunEngine":
        """The engine. on_stage: told what goes on while it is loaded."""
        return self._engines.engine(self._spec, on_stage)

    def local(self, on_stage: Callable[[str], None]) -> "Engine":
        """An engine in this process: Figure 9 measures seconds on this machine. The actors of a cluster are ended."""
        with importing():
            from neuron_core.engine.engine import Engine

        if isinstance(self._engines, LocalEngines):
            return self._engines.engine(self._spec, on_stage)
        self._engines.close()
        return Engine(self._spec, on_stage=on_stage)

    def close(self) -> None:
        """Releases the model, or ends the actors."""
        self._engines.close()

    def facts(self, store: Store) -> ModelFacts:
        """The facts of the model. With an earlier run of the same spec, the model is not loaded for them."""
        known = facts_from_runs(self._spec, store.runs())
        if known is not None:
            return known
        with stage_line() as on_stage:
            return self.engine(on_stage).facts()


def figure9_cost(
    out: Path, setting: ExperimentSetting, lengths: tuple[int, ...], model_of: ExperimentModels
) -> "pd.DataFrame":
    """The table of Figure 9, measured on a question of the first task. A measurement in the folder `out` with the same
    setting is used again.
    """
    import pandas as pd

    from neuron_core.experiments.figure9 import CostSetting, answer_cost
    from neuron_core.models.chat import USUAL_DATE
    from neuron_core.models.letters import tokenize_prompt
    from neuron_core.qatt.draws import draw, questions_of
    from neuron_core.tasks.load import load_task

    wanted = CostSetting(lengths=lengths, steps=setting.steps)
    with stage_line() as on_stage:
        engine = model_of.local(on_stage)
    key = _cost_key(wanted, engine, setting.prompt)
    path = out / COST_FILE
    if (before := _measured(path, key)) is not None:
        return pd.DataFrame(before)
    task = load_task(setting.tasks[0]).task
    draws = draw(task, 1, 0, setting.seed, setting.prompt.demonstration)
    chat = engine.facts(USUAL_DATE).chat
    question = questions_of(task, draws.attribution, draws.demonstration, setting.seed, setting.prompt, chat)[0]
    prompt = tokenize_prompt(engine.loaded.tokenizer, question.prompt)
    with progress_bars() as progress:
        bar = progress.add_task("figure 9", total=None)
        table = answer_cost(
            engine.loaded,
            prompt,
            question.target,
            wanted,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    out.mkdir(parents=True, exist_ok=True)
    write_file(path, seal(json.dumps({"setting": key, "rows": table.to_dict("records")}), Seal(format=FORMAT)))
    return table


def read_cost(path: Path) -> dict[str, Any]:
    """A measurement of Figure 9: its `setting` and its `rows`, one for each form and length. RunError when its file is
    damaged.
    """
    try:
        found = json.loads(unseal(read_bytes(path), path)[0])
        return {"setting": dict(found["setting"]), "rows": [dict(row) for row in found["rows"]]}
    except (RunError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            "the measurement of Figure 9 can't be read",
            where=str(path),
            accepted="a file that `experiment fig9` wrote; the command measures it again",
        ) from error


def _measured(path: Path, key: dict[str, object]) -> list[dict[str, object]] | None:
    """The rows of an earlier measurement with the same setting. None without one, or if its file is damaged."""
    with suppress(RunError):
        before = read_cost(path)
        if before["setting"] == key:
            return list(before["rows"])
    return None


def _cost_key(wanted: "CostSetting", engine: "Engine", prompt: PromptConfig) -> dict[str, object]:
    from neuron_core.models.chat import USUAL_DATE

    key = {"cost": asdict(wanted), "model": asdict(engine.facts(USUAL_DATE))}
    if prompt != USUAL:
        key["prompt"] = asdict(prompt)
    found: dict[str, object] = json.loads(json.dumps(key))
    return found
