"""Options that several commands take: single options, and groups whose fields `with_groups` turns into options."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, cast

import typer

from neuron_core.cni.selection import DROP
from neuron_core.commands.common import model_spec, with_absolute_paths
from neuron_core.commands.groups import OptionGroup
from neuron_core.control.interventions import EXCITE, Silence
from neuron_core.models.spec import EMBEDDED, ModelSpec
from neuron_core.qatt.proxies import SHUFFLES
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.tasks.readers import ACCEPTED

Task = Annotated[str, typer.Option(help=f"A bundled task, hub:ID, or a file: {ACCEPTED}.")]
Model = Annotated[
    str, typer.Option(help="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the draws of examples and of the option orders.")]
Run = Annotated[str, typer.Option(help="Id of a run, or the path of its folder.")]
Proxies = Annotated[
    str,
    typer.Option(
        help="Questions of each example. shuffles: three option orders, as in the paper; rotations: four, so that "
        "every option stands on every letter once and a preference for a letter cancels out."
    ),
]
EvaluationExamples = Annotated[
    int, typer.Option(min=2, help="Number of evaluation examples, with three questions each; four with rotations.")
]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder of the new run; it must be empty or absent.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers separated by commas. BadParameter for anything else, which names this option."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            "whole numbers separated by commas, for instance 10,25,50", param_hint=option
        ) from None


def numbers_from_1(text: str, option: str, most: int) -> tuple[int, ...]:
    """Whole numbers from 1 to `most`, separated by commas. BadParameter for anything else."""
    found = numbers(text, option)
    if not 1 <= min(found) <= max(found) <= most:
        raise typer.BadParameter(f"whole numbers from 1 to {most:,}, separated by commas", param_hint=option)
    return found


@dataclass(frozen=True)
class ModelOptions(OptionGroup):
    """Which model is loaded, in which precision, and onto which device."""

    source: Annotated[
        str,
        typer.Option("--model", help="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file."),
    ] = EMBEDDED
    revision: Revision = None
    dtype: Annotated[
        str,
        typer.Option(
            help="float32, bfloat16, float16, float64, or tf32: float32 whose matrix products a GPU rounds to TF32."
        ),
    ] = "float32"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto"
    device_map: Annotated[
        str | None,
        typer.Option(
            help="auto: layers that do not fit on the device are kept on other GPUs, in memory or on disk; slow."
        ),
    ] = None
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run the Python code that comes with this model. Read it first."),
    ] = False

    adapter: Annotated[
        str | None,
        typer.Option(
            help="A LoRA adapter to merge: a folder or a hub id; none leaves out one that lies beside the weights."
        ),
    ] = None
    architecture: Annotated[
        str | None,
        typer.Option(help="A JSON file with the table line of your own family, or a Python file, which is run."),
    ] = None
    load_in_4bit: Annotated[
        bool, typer.Option("--load-in-4bit", help="Quantise weights to 4 bits while they are read (bitsandbytes).")
    ] = False
    load_in_8bit: Annotated[
        bool, typer.Option("--load-in-8bit", help="Quantise weights to 8 bits while they are read (bitsandbytes).")
    ] = False

    def spec(self) -> ModelSpec:
        """The model that the options name."""
        return with_absolute_paths(
            ModelSpec(
                source=self.source,
                revision=self.revision,
                dtype=self.dtype,
                device=self.device,
                trust_remote_code=self.trust_remote_code,
                device_map=self.device_map,
                adapter=self.adapter,
                architecture=self.architecture,
                load_in_4bit=self.load_in_4bit,
                load_in_8bit=self.load_in_8bit,
            )
        )


@dataclass(frozen=True)
class AttributionOptions(OptionGroup):
    """How neurons are scored and ranked."""

    examples: Annotated[
        int,
        typer.Option(
            min=1, help="Number of attribution examples, tr of Eq. 5, with three questions each; four with rotations."
        ),
    ] = 5
    methods: Annotated[
        str,
        typer.Option(
            help="Separated by commas: ace, tn, qrnca, tn+, qrnca+, kn, content, act. The first is shown by default."
        ),
    ] = "ace"
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="Number of integration steps, m of Eq. 1.")] = 16
    rule: Annotated[str, typer.Option(help="Quadrature rule: right, midpoint or gauss-legendre.")] = "right"
    z: Annotated[
        int | None,
        typer.Option(
            min=1, help="Neurons kept at each end of an example's ranking; the default depends on the model's size."
        ),
    ] = None
    k: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many good and how many bad neurons are shown; the default depends on the model's size."
        ),
    ] = None
    proxies: Proxies = SHUFFLES
    ambiguous: Annotated[
        str,
        typer.Option(
            help="Neurons that are good in one example and bad in another. drop: they score 0 (Eq. 5); keep: their sum."
        ),
    ] = DROP

    def config(self) -> AttributionConfig:
        """The settings as a run keeps them. ConfigError for one that is out of its range."""
        return AttributionConfig(
            methods=tuple(self.methods.split(",")),
            steps=self.steps,
            rule=self.rule,
            examples=self.examples,
            z=self.z,
            k=self.k,
            proxies=self.proxies,
            ambiguous=self.ambiguous,
        )


@dataclass(frozen=True)
class TrialOptions(OptionGroup):
    """How many neurons an evaluation scales, on how many examples, and with how many random control sets."""

    k: Annotated[str, typer.Option(help="Budgets K, separated by commas.")] = "10,25,50,100"
    examples: EvaluationExamples = 100
    random_seeds: Annotated[int, typer.Option(min=0, help="Number of random control sets; 0 leaves them out.")] = 5
    proxies: Proxies = SHUFFLES

    def config(self) -> EvaluationConfig:
        """The settings as a run keeps them. ConfigError for one that is out of its range, BadParameter for budgets that
        are no numbers.
        """
        return EvaluationConfig(
            examples=self.examples,
            ks=numbers(self.k, "--k"),
            random_seeds=self.random_seeds,
            proxies=self.proxies,
        )


@dataclass(frozen=True)
class EvaluationOptions(TrialOptions):
    """All settings of an evaluation: also where and how strongly neurons are scaled, and on which examples."""

    position: Annotated[
        str,
        typer.Option(
            help="last: neurons are scaled at the last prompt token; all: at every token, which is far slower."
        ),
    ] = "last"
    sample: Annotated[
        str,
        typer.Option(
            help="Which examples: natural (as drawn), balanced (half of them comprehended by the model, half not), or "
            "comprehended (by --comprehended-by). For the last two, a model is asked about more examples first."
        ),
    ] = "natural"
    comprehended_by: Annotated[
        str | None, typer.Option(help="The model whose comprehension decides; by default the run's own.")
    ] = None
    methods: Annotated[
        str | None, typer.Option(help="Some of the run's methods, and random; by default all of the run's.")
    ] = None
    excite: Annotated[float, typer.Option(help="Factor of excited neurons, for instance 1.5, 2, 3 or 5.")] = EXCITE
    silence: Annotated[
        str, typer.Option(help="What silenced neurons are set to: zero, or mean (over the evaluation prompts).")
    ] = "zero"

    def config(self) -> EvaluationConfig:
        return replace(
            super().config(),
            position=self.position,
            sample=self.sample,
            comprehended_by=model_spec(self.comprehended_by) if self.comprehended_by else None,
            methods=tuple(self.methods.split(",")) if self.methods else None,
            proxies=self.proxies,
            excite=self.excite,
            silence=cast(Silence, self.silence),
        )
