"""A run's settings as commands and as Python code to copy. No torch."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config, short_demo_config

PROGRAM = "python -m neuron_core"
MODEL_FIELDS = (
    "source",
    "revision",
    "dtype",
    "device",
    "device_map",
    "trust_remote_code",
    "adapter",
    "architecture",
    "load_in_4bit",
    "load_in_8bit",
)
ATTRIBUTION_FIELDS = ("methods", "examples", "steps", "rule", "z", "k")
ATTRIBUTION_MORE, EVALUATION_MORE = ("proxies", "ambiguous"), ("proxies", "excite", "silence")
"settings that a command only names if they differ from the paper's"
EVALUATION_FIELDS = ("ks", "examples", "random_seeds", "position", "sample", "methods")
PROMPT_OPTIONS = {
    "role": "role",
    "rule": "answer-rule",
    "stem": "stem",
    "demonstration": "demonstration",
    "letter": "demonstration-letter",
    "distractors": "distractors",
    "template": "template",
}
"fields of a PromptConfig and the options of the command line"
OPTION_NAMES = {"source": "model", "ks": "k"}


def command_of(config: RunConfig, folder: str = "my-run") -> str | None:
    """The commands that repeat this run. None if the command line has no option for one of its settings.

    folder: where the first command writes the run, so that a second command can evaluate it. The number of rows per
    pass is not set: the machine chooses it, and scores agree within 1e-6.
    """
    config = _usual_chunks(config)
    for command, demo in (("demo", short_demo_config), ("demo --whole", demo_config)):
        if config == _usual_chunks(demo(ModelSpec(config.model.source))):
            return _line(command, config.model, ("source",) if config.model != ModelSpec() else ())
    wanted = config.evaluation
    taken = RunConfig(
        task=config.task,
        model=ModelSpec(**_some(config.model, MODEL_FIELDS)),
        seed=config.seed,
        prompt=config.prompt,
        attribution=AttributionConfig(**_some(config.attribution, (*ATTRIBUTION_FIELDS, *ATTRIBUTION_MORE))),
        evaluation=EvaluationConfig(**_some(wanted, (*EVALUATION_FIELDS, *EVALUATION_MORE))) if wanted else None,
    )
    if taken != config:
        return None
    model = _named(config.model)
    lines = [
        f"{_line('attribute', config, ('task',))}{_options(config.model, model)}"
        f"{_options(config.attribution, ATTRIBUTION_FIELDS)}{_changed(config.attribution, ATTRIBUTION_MORE)}"
        f"{_options(config, ('seed',))}"
        f"{_wording(config.prompt)}"
    ]
    if wanted:
        lines[0] += f" --out {shlex.quote(folder)}"
        line = _line(f"evaluate --run {shlex.quote(folder)}", wanted, EVALUATION_FIELDS)
        lines.append(line + _changed(wanted, EVALUATION_MORE))
    return "\n".join(lines)


def experiment_command(outputs: Sequence[str], configs: Sequence[RunConfig], k: int) -> str:
    """The command that makes these tables and figures for the tasks of `configs`, with the model of the first config.

    outputs: names that the command `experiment` accepts. The experiment makes its own runs with the same model, tasks,
    K, seed and wording.
    """
    first = configs[0]
    model = _named(first.model)
    tasks = shlex.quote(",".join(dict.fromkeys(config.task for config in configs)))
    seed = f" --seed {first.seed}" if first.seed else ""
    more = f"{_options(first.model, model)}{seed}{_wording(first.prompt)}"
    return f"{PROGRAM} experiment {' '.join(outputs)} --tasks {tasks} --k {k}{more}"


def python_of(config: RunConfig) -> str:
    """A script that repeats this run and prints its good neurons."""
    used = sorted(name for name in ("AttributionConfig", "EvaluationConfig", "RunConfig") if name in _call(config))
    imports = [f"from neuron_core.runs.config import {', '.join(used)}"]
    if "PromptConfig(" in _call(config):
        imports.insert(0, "from neuron_core.qatt.config import PromptConfig")
    if "ModelSpec(" in _call(config):
        imports.insert(0, "from neuron_core.models.spec import ModelSpec")
    return "\n".join(
        [
            *imports,
            "from neuron_core.engine.engine import Engine",
            "from neuron_core.engine.execute import execute",
            "from neuron_core.runs.store import Store",
            "",
            f"config = {_call(config)}",
            "run = Store().create(config)",
            "execute(run, lambda say: Engine(config.model, on_stage=say))",
            "setting, ranking = run.setting(), run.ranking()",
            "print(run.id, ranking.cut(setting.k).good)",
        ]
    )


def _usual_chunks(config: RunConfig) -> RunConfig:
    attribution = replace(config.attribution, layers_per_pass=AttributionConfig().layers_per_pass)
    evaluation = config.evaluation and replace(config.evaluation, rows_per_pass=EvaluationConfig().rows_per_pass)
    return replace(config, attribution=attribution, evaluation=evaluation)


def _some(value: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _line(command: str, value: object, names: Sequence[str]) -> str:
    return f"{PROGRAM} {command}{_options(value, names)}"


def _options(value: object, names: Sequence[str]) -> str:
    """Fields as command-line options. A field that is None is left out."""
    found = [(OPTION_NAMES.get(name, name).replace("_", "-"), getattr(value, name)) for name in names]
    return "".join(
        f" --{name}" if field is True else f" --{name} {_word(field)}"
        for name, field in found
        if field is not None and field is not False
    )


def _changed(value: Any, names: Sequence[str]) -> str:
    """The fields whose values are not the defaults, as command-line options."""
    return _options(value, [name for name in names if getattr(value, name) != getattr(type(value)(), name)])


def as_option(text: str) -> str:
    r"""A text on one line for a shell: a line break becomes \n, and a backslash is doubled."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def from_option(text: str) -> str:
    """Undoes `as_option`."""
    return re.sub(r"\\([n\\])", lambda match: "\n" if match[1] == "n" else "\\", text)


def _wording(prompt: PromptConfig) -> str:
    """The changed wording as options of the form --name=value, because a value may itself begin with a dash."""
    own = {option: getattr(prompt, name) for name, option in PROMPT_OPTIONS.items() if _differs(prompt, name)}
    return "".join(f" {shlex.quote(f'--{option}={as_option(value)}')}" for option, value in own.items())


def _differs(prompt: PromptConfig, name: str) -> bool:
    return bool(getattr(prompt, name) != getattr(USUAL, name))


def _word(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else shlex.quote(str(value))


def _call(value: Any) -> str:
    """A Python expression for this dataclass, with only the fields that differ from their defaults."""
    if not is_dataclass(value):
        return repr(value)
    kind: Any = type(value)
    plain = kind(task="") if kind is RunConfig else kind()
    given = [f.name for f in fields(value) if getattr(value, f.name) != getattr(plain, f.name)]
    return f"{kind.__name__}({', '.join(f'{name}={_call(getattr(value, name))}' for name in given)})"


def _named(model: ModelSpec) -> list[str]:
    """The fields that a command names: those that are not usual, without a revision that would have no effect."""
    changed = [name for name in MODEL_FIELDS if getattr(model, name) != getattr(ModelSpec(), name)]
    return [name for name in changed if name != "revision" or model.is_hub]
