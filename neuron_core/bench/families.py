"""Compares attribution, interventions and generation of every family with a whole-sequence computation."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuron_core.bench.gguf_files import write_gguf
from neuron_core.bench.small_models import small_checkpoint
from neuron_core.cni.attribution import attribute
from neuron_core.control.evaluation import option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.generation import Writer, open_prompt
from neuron_core.control.interventions import Intervention
from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.prompt_pass import run_prefix, run_prompt
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.spec import ModelSpec

OWN_CONFIGS = Path(__file__).with_name("families.json")
OWN_GGUF = Path(__file__).with_name("families_gguf.json")
"configs whose checkpoints are written as GGUF files"
FOLDER, GGUF = "folder", "GGUF"
CONFIGS = "a JSON object: a name → the config.json of a model, with small sizes"
ALLOWED = 1e-5
"largest relative difference allowed in float32"
PROMPT = (
    "Read the question and the four options. Answer with one letter: A, B, C or D.\n\n"
    "Question: What is the sentiment of this text?\nText: The soup was warm.\n"
    "A. neutral\nB. positive\nC. not sure\nD. negative\nAnswer: B\n\n"
    "Question: What is the sentiment of this text?\nText: The train was late again.\n"
    "A. negative\nB. positive\nC. neutral\nD. not sure\nAnswer:"
)
TARGET, STEPS, N_WRITTEN = 1, 4, 12


@dataclass(frozen=True)
class FamilyRow:
    """A row of the table: one model and its largest differences."""

    name: str
    "name of the config"
    family: str
    "`model_type` of the model, or of its text part"
    source: str
    "what was loaded: folder or GGUF"
    scaling: str
    "scaling of the rotary frequencies"
    logits: float | None = None
    "largest relative difference of a logit from the model that was written; None for a family that is refused"
    attribution: float | None = None
    "largest difference of a score from the reference, relative to max|IG|"
    last: float | None = None
    "largest difference of an option's probability under interventions at the last position"
    all: float | None = None
    "the same at all positions"
    generation: float | None = None
    "by how much a written token's logit is below the highest one of the whole sequence, relative to the largest logit"
    refused: str | None = None
    "the reason, as users see it"

    @property
    def largest(self) -> float | None:
        """The largest of all differences; None for a family that is refused."""
        each = (self.logits, self.attribution, self.last, self.all, self.generation)
        found = [value for value in each if value is not None]
        return max(found) if found else None


def configs_of(file: Path | None) -> dict[str, dict[str, Any]]:
    """Name → config, from a JSON file or, by default, the project's own list. Raises ModelError for other content."""
    where = file or OWN_CONFIGS
    try:
        found = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"the configs can't be read: {error}", where=str(where), accepted=CONFIGS) from None
    if not isinstance(found, dict) or not all(isinstance(config, dict) for config in found.values()):
        raise ModelError("the file does not map names to configs", where=str(where), accepted=CONFIGS)
    return found


def family_rows(
    configs: Mapping[str, Mapping[str, Any]], dtype: str = "float32", source: str = FOLDER
) -> Iterator[FamilyRow]:
    """One row a config: a tiny checkpoint of it is written, loaded as any folder or file is, and compared."""
    for name, config in configs.items():
        with tempfile.TemporaryDirectory() as folder:
            yield family_row(name, config, Path(folder), dtype, source)


def family_row(
    name: str, config: Mapping[str, Any], folder: Path, dtype: str = "float32", source: str = FOLDER
) -> FamilyRow:
    """The row of one config. folder: an empty one, for the checkpoint; source: what is loaded, folder or GGUF."""
    text = config.get("text_config") or config
    family, scaling = str(text.get("model_type") or config.get("model_type")), scaling_of(text)
    try:
        built = small_checkpoint(folder, config)
        path = write_gguf(folder / "model.gguf", folder) if source == GGUF else folder
        loaded = load_model(ModelSpec(str(path), dtype=dtype, device="cpu"))
    except NeuronCoreError as error:
        return FamilyRow(name, family, source, scaling, refused=" ".join(error.what.split()))
    states = states_of(loaded)
    return FamilyRow(
        name,
        family,
        source,
        scaling,
        logits=logits_apart(loaded, built),
        attribution=attribution_apart(loaded, states),
        last=interventions_apart(loaded, states[0], "last"),
        all=interventions_apart(loaded, states[0], "all"),
        generation=generation_apart(loaded),
    )


def scaling_of(config: Mapping[str, Any]) -> str:
    """The kind of rotary scaling that a config names, or `none`."""
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    each = [rope, *(value for value in rope.values() if isinstance(value, Mapping))]
    kinds = {str(one.get("rope_type") or one.get("type") or "default") for one in each} - {"default"}
    return ", ".join(sorted(kinds)) or "none"


def logits_apart(loaded: LoadedModel, built: Any) -> float:
    """Largest relative difference of logits between the loaded model and the one that was written.

    For a wrapper such as a vision model, only its text part is loaded and compared with the whole.
    """
    ids = torch.tensor([tokenize_prompt(loaded.tokenizer, PROMPT).token_ids])
    with torch.no_grad():
        found, expected = (
            model(input_ids=ids, use_cache=False).logits[0, -1].double() for model in (loaded.model, built)
        )
    return float((found - expected).abs().max() / expected.abs().max())


def states_of(loaded: LoadedModel) -> list[PromptState]:
    """The prompt's state in one pass, after a cached prefix, and computed together with another prompt."""
    prompt = tokenize_prompt(loaded.tokenizer, PROMPT)
    other = tokenize_prompt(loaded.tokenizer, PROMPT.replace("late again", "late"))
    half = run_prefix(loaded, prompt.token_ids[: len(prompt.token_ids) // 2])
    shared = SharedPrompts(loaded, [other, prompt], ["e", "e"], tokens_per_pass=10_000)
    beside = [state for batch in shared.run(0) for state in batch.states if state.prompt == prompt]
    return [run_prompt(loaded, prompt), run_prompt(loaded, prompt, half), *beside]


def attribution_apart(loaded: LoadedModel, states: Sequence[PromptState]) -> float:
    """Largest difference of a score between the cached rows and whole sequences, relative to the largest score."""
    expected = np.stack([_integrated(loaded, states[0], layer) for layer in range(loaded.n_layers)])
    found = [attribute(loaded, state, "q", TARGET, steps=STEPS).of("ace") for state in states]
    return float(max(np.abs(each - expected).max() for each in found) / np.abs(expected).max())


def _integrated(loaded: LoadedModel, state: PromptState, layer: int) -> np.ndarray:
    """Eq. 1 from the model's own logits, with the whole prompt for every step; shape (I,)."""
    ids, letters = torch.tensor([state.prompt.token_ids]), list(state.prompt.letter_ids)
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        seen.append(x[-1].detach().clone())
        return x

    with torch.no_grad(), edited_neurons(loaded, {layer: keep}):
        loaded.model(input_ids=ids, use_cache=False)
    (value,) = seen
    total = torch.zeros_like(value, dtype=torch.float64)
    for step in range(1, STEPS + 1):
        injected = (value * step / STEPS).requires_grad_()

        def put(x: torch.Tensor, neurons: torch.Tensor = injected) -> torch.Tensor:
            return torch.cat([x[:-1], neurons[None]])

        with torch.enable_grad(), edited_neurons(loaded, {layer: put}):
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0, -1, letters].to(loaded.score_dtype)
            (gradient,) = torch.autograd.grad(torch.softmax(logits, dim=-1)[TARGET], injected)
        total += gradient.double() / STEPS
    return np.asarray((value.double() * total).numpy())


def interventions_apart(loaded: LoadedModel, state: PromptState, position: str) -> float:
    """Largest difference of P between the interventions and a whole-sequence pass with the same neurons scaled."""
    # The largest neurons of each layer: a ReLU leaves many at zero, where a factor changes nothing.
    top = state.neurons.abs().topk(2).indices.numpy()
    layers = range(loaded.n_layers)
    good, bad = (
        np.array([[at, i] for at in layers if at % 2 == odd for i in top[at]], dtype=np.int32) for odd in (0, 1)
    )
    plan = [Intervention(8, 0.5, "enhancer", good, bad), Intervention(8, 0.5, "degrader", good, bad)]
    if position == "all":
        found = option_probabilities_all(loaded, state.prompt, plan, "q")
    else:
        found = option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, plan, 8), ["q"])[0]
    ids, letters = torch.tensor([state.prompt.token_ids]), list(state.prompt.letter_ids)
    first = 0 if position == "all" else -1
    apart = 0.0
    for row, each in enumerate(plan, start=1):
        factors = torch.ones(loaded.n_layers, loaded.n_neurons, dtype=loaded.dtype)
        factors[tuple(each.excited.T)] = each.excite
        factors[tuple(each.silenced.T)] = 0

        def scaled(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
            out = x.clone()
            out[first:] *= factor
            return out

        edits = {layer: (lambda x, factor=factors[layer]: scaled(x, factor)) for layer in layers}
        with torch.no_grad(), edited_neurons(loaded, edits):
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0, -1, letters].to(loaded.score_dtype)
        apart = max(apart, float(np.abs(found[row] - torch.softmax(logits, dim=-1).numpy()).max()))
    return apart


def generation_apart(loaded: LoadedModel) -> float:
    """Compares text written token by token with a pass over the whole text: how far a token is from the best one."""
    writer, apart = Writer(open_prompt(loaded, PROMPT, N_WRITTEN), {}, 0.0, 0), 0.0
    ids = list(tokenize_prompt(loaded.tokenizer, PROMPT).token_ids)
    for _ in range(N_WRITTEN):
        written = writer.step(loaded)
        if written.ended:
            break
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        apart = max(apart, float((logits.max() - logits[written.token_ids[-1]]) / logits.abs().max()))
        ids.append(written.token_ids[-1])
    return apart


def families_text(rows: Sequence[FamilyRow]) -> str:
    """The rows as a Markdown table, the number of rows above the tolerance, and the families that are refused."""
    lines = ["| model | family | source | scaling | largest difference |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | `{row.family}` | {row.source} | {row.scaling} | {row.largest:.1e} |"
        for row in rows
        if row.largest is not None
    ]
    measured = [row.largest for row in rows if row.largest is not None]
    # A NaN counts as above the tolerance.
    above = sum(not value <= ALLOWED for value in measured)
    lines += ["", f"{above} of {len(measured)} above {ALLOWED:.0e}."]
    refused = [f"| {row.name} | `{row.family}` | {row.refused} |" for row in rows if row.refused is not None]
    return "\n".join([*lines, *(["", "| refused | family | why |", "|---|---|---|", *refused] if refused else [])])
