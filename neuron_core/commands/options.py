"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from neuron_core.tasks.readers import ACCEPTED

Task = Annotated[str, typer.Option(help=f"A bundled task, hub:ID, or a file: {ACCEPTED}.")]
Model = Annotated[
    str, typer.Option(help="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16 or float64.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
DeviceMap = Annotated[
    str | None,
    typer.Option(help="auto: layers that do not fit on the device lie in memory or on disk; slow."),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run Python code that comes with this very model. Read it first."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the draws and option orders.")]
Run = Annotated[str, typer.Option(help="Id of a run, or the path of its folder.")]
Methods = Annotated[
    str,
    typer.Option(
        "--methods", help="Separated by commas: ace, tn, qrnca, tn+, qrnca+, kn, content, act; the first is shown."
    ),
]
Proxies = Annotated[
    str,
    typer.Option(
        help="Questions of an example. shuffles: three orders, as in the paper; rotations: four, every option on every "
        "letter once, so that letters cancel."
    ),
]
EvaluationExamples = Annotated[
    int, typer.Option(min=2, help="Examples asked about, three questions each; four with rotations.")
]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder of the new run; it must be empty or absent.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]
