"""What an attribution costs, computed from the sizes of a model: operations, memory, disk, time. No torch.

Operations are the multiplications and additions of matrix products. One row is one token that passes from some
layer through all later ones; the backward pass repeats its products once for each target. A test compares the
result with torch's own count for a real attribution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neuron_core.cni.methods import LETTER_TARGETS, targets_of
from neuron_core.cni.passes import DEFAULT_LAYERS, SHARED_LAYERS, PassShape, choose
from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.score_sums import KN_LEVELS
from neuron_core.cni.selection import preset
from neuron_core.engine.example_sums import SAVED_EVERY, scores_bytes
from neuron_core.models.architectures import get_architecture
from neuron_core.models.dimensions import BYTES, Dimensions
from neuron_core.models.memory import working_bytes
from neuron_core.qatt.proxies import N_PROXIES
from neuron_core.runs.config import AttributionConfig

TOKENS, SHARED_TOKENS, OPTION_TOKENS = 160, 100, 16
"""tokens of a usual question of the bundled tasks; tokens with which all questions of a task begin; tokens at its end,
which the other questions of the same example do not have
"""
CHECKS_BYTES = 2048
"kept for every question: baseline, gaps, letters"


@dataclass(frozen=True)
class Device:
    """The speed of a kind of machine, as far as it was measured."""

    name: str
    peak: Mapping[str, float]
    "dtype → operations per second as the maker gives them, or as measured if `share` is 1"
    share: float
    "share of the peak that the attribution of a 7B model reaches in float32"
    bandwidth: float
    "bytes per second from its memory"
    memory: int | None
    "bytes; None: the memory of the machine that is used"
    launch_s: float
    "least seconds that one layer of a pass takes, however little it computes"
    rests_on: str
    "the measurement behind these numbers"


DRIVER_BYTES_A_SECOND = 58e6
"""Bytes per second that the driver of a cluster run writes and syncs, measured with scripts/driver_cost.py on two
shared cores and their disk, 27 November 2026."""


TWO_CORES = "cpu, two cores"
DEVICES = (
    Device(
        TWO_CORES,
        peak={"float32": 87e9},
        share=1.0,
        bandwidth=20e9,
        memory=None,
        launch_s=0.0,
        rests_on="the embedded model on two cores of a Xeon at 2.8 GHz, T = 168: 166 GFLOP in 1.9 s "
        "(docs/measurements.md)",
    ),
    Device(
        "NVIDIA H100 80 GB",
        # The maker's data sheet for the SXM module: float32 without tensor cores, bfloat16 and float16 dense.
        peak={"float32": 67e12, "bfloat16": 989e12, "float16": 989e12, "float64": 34e12},
        share=0.37,
        bandwidth=3.35e12,
        memory=80_000_000_000,
        launch_s=0.0018,
        rests_on="a Llama-2-7B shape in float32: 10.5 TFLOP in 0.42 s; the embedded model: 0.37 s, all of it launches "
        "(docs/measurements.md); the share in other dtypes is assumed to be the same",
    ),
)


@dataclass(frozen=True)
class Cost:
    """The computed cost of an attribution."""

    n_questions: int
    prompt_flops: float
    "operations of all prompts; their shared beginning counts once"
    row_flops: float
    "operations of all rows, forward and backward"
    layer_passes: int
    "layers computed for one question, forward and backward, regardless of the number of rows"
    weight_passes: float
    "how often one question reads all weights"
    disk_bytes: int
    working_bytes: int
    "memory without the weights"

    @property
    def flops(self) -> float:
        return self.prompt_flops + self.row_flops


def attribution_cost(
    dimensions: Dimensions,
    config: AttributionConfig,
    *,
    n_questions: int | None = None,
    dtype: str = "float32",
    tokens: int = TOKENS,
    shared: int = SHARED_TOKENS,
    free: int | None = None,
) -> Cost:
    """Cost of attributing `n_questions` questions (by default those of the config) of `tokens` tokens each.

    The first `shared` tokens are the same for all questions, and all but the last OPTION_TOKENS for the questions of an
    example; these are computed once. free: bytes of free memory for which a run would plan its
    passes; None: passes of the usual size.
    """
    d, targets = dimensions, targets_of(config.methods)
    questions = n_questions or N_PROXIES[config.proxies] * config.examples
    layer = 2 * d.layer_parameters
    attention = 4 * d.n_heads * d.head_size
    of_question = min(OPTION_TOKENS, tokens - shared)
    examples = -(-questions // N_PROXIES[config.proxies])
    computed = shared + examples * (tokens - shared - of_question) + questions * of_question
    prompt = d.n_layers * (layer + attention * tokens) * computed
    alphas, _ = quadrature(config.rule, config.steps)
    rows = len(alphas) + (1 if alphas[-1] == 1.0 else 2)
    # Rows start after their layer, except where a norm follows the down projection.
    inside = 1 if get_architecture(d.architecture).post_norm else 0
    of_row = (layer + attention * tokens) * (1 + len(targets))
    vocabulary = sum(target not in LETTER_TARGETS for target in targets)
    head = rows * d.n_layers * 2 * d.vocabulary * d.hidden_size * (1 + vocabulary) if vocabulary else 0
    planned = DEFAULT_LAYERS if free is None else _planned_layers(d, rows, dtype, tokens, free)
    layers = config.layers_per_pass or planned
    # The row at full value is one for several layers.
    full_rows = 1 if get_architecture(d.architecture).rows == "batch" else 1 / min(SHARED_LAYERS, layers)
    row_layers = (rows - 1 + full_rows) * d.n_layers * (d.n_layers - 1 + 2 * inside) / 2
    starts = range(0, d.n_layers, layers)
    passes = d.n_layers + sum(d.n_layers - first for first in starts) * (1 + len(targets))
    return Cost(
        n_questions=questions,
        prompt_flops=float(prompt),
        row_flops=float(questions) * (row_layers * of_row + head),
        layer_passes=passes,
        weight_passes=passes / d.n_layers,
        disk_bytes=disk_bytes(d.n_total, config, targets, questions),
        working_bytes=working_bytes(d, dtype, rows=min(layers, d.n_layers) * rows, tokens=tokens),
    )


def _planned_layers(d: Dimensions, n_rows: int, dtype: str, tokens: int, free: int) -> int:
    """Number of layers that a run would put into one pass. n_rows: rows of one layer."""
    line = get_architecture(d.architecture)
    shape = PassShape(
        n_layers=d.n_layers,
        n_neurons=d.n_neurons,
        hidden_size=d.hidden_size,
        n_heads=d.n_heads,
        n_vocabulary=0,
        n_tokens=tokens,
        itemsize=BYTES[dtype],
        own_attention=line.attention == "own",
        batch=line.rows == "batch",
        device="cuda",
    )
    return choose(shape, n_rows, free).layers


def driver_bytes(n_total: int, config: AttributionConfig, targets: Sequence[str]) -> float:
    """Bytes that the driver of a cluster run writes for one question.

    These are the question's scores, even if they are not kept in the end, and its share of the extremes of its example
    and of the sums, which are written every SAVED_EVERY examples.
    """
    n_questions = N_PROXIES[config.proxies] * SAVED_EVERY
    apart = disk_bytes(n_total, replace(config, keep_bytes=0), targets, n_questions)
    return scores_bytes(1, len(targets), n_total) + apart / n_questions


def disk_bytes(n_total: int, config: AttributionConfig, targets: Sequence[str], n_questions: int) -> int:
    """Bytes on disk of a finished attribution.

    For every example and target the top and bottom z (index and score) are kept, together with dense sums over all
    examples, and the scores of every question if they stay below the config's limit.
    """
    z = config.z or preset(n_total).z
    examples = -(-n_questions // N_PROXIES[config.proxies]) * len(targets) * 2 * z * 8
    levels = len(KN_LEVELS) if "qrnca" in targets else 0
    sums = n_total * (8 * (len(targets) + 2) + levels * (8 + 4))
    whole = scores_bytes(n_questions, len(targets), n_total)
    return examples + sums + n_questions * CHECKS_BYTES + (whole if whole <= config.keep_bytes else 0)


def seconds_on(device: Device, cost: Cost, weight_bytes: int, dtype: str) -> float | None:
    """Seconds for all questions, without loading: the longest of computing, reading weights, and launching kernels.
    None for a dtype that was never measured on this device.
    """
    if dtype not in device.peak:
        return None
    computing = cost.flops / (device.share * device.peak[dtype])
    passes = cost.n_questions * cost.layer_passes
    reading = cost.n_questions * cost.weight_passes * weight_bytes / device.bandwidth
    return max(computing, passes * device.launch_s, reading)
