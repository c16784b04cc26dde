"""The cost of attributing many questions with a model, as a dict for JSON, as text, and as tables. No torch."""

from typing import Any

from neuron_core.cni.methods import targets_of
from neuron_core.errors import ModelError
from neuron_core.estimates.arithmetic import (
    DEVICES,
    DRIVER_BYTES_A_SECOND,
    SHARED_TOKENS,
    TOKENS,
    Device,
    attribution_cost,
    driver_bytes,
    seconds_on,
)
from neuron_core.models.dimensions import BYTES, Dimensions
from neuron_core.models.memory import gigabytes
from neuron_core.models.presets import find_preset
from neuron_core.models.size import Size, size_of
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig

REPORTED = ("float32", "bfloat16")
"dtypes of the report"
PAPER_SIZES = ("LLaMA-2-7B", "LLaMA-2-13B", "LLaMA-2-70B")
"models of the tables in the documentation"


def cost_report(
    spec: ModelSpec,
    n_questions: int,
    config: AttributionConfig,
    *,
    tokens: int = TOKENS,
    shared: int = SHARED_TOKENS,
    actors: int = 1,
) -> dict[str, Any]:
    """The cost of attributing `n_questions` questions, as a dict for JSON.

    tokens: length of a prompt. shared: tokens that all prompts begin with. actors: models that work at the same time;
    they share the work, but the time is at least what the driver needs to write the results. Raises ModelError if the
    model's size is not known.
    """
    size = size_of(spec)
    if size is None or size.dimensions is None:
        raise ModelError(
            "the size of the model is not known, because its config has not been downloaded",
            where=spec.source,
            accepted="a preset of `models`, a folder with config.json, a .gguf file, or a model in the hub's cache",
        )
    preset = find_preset(spec.source)
    cost = attribution_cost(size.dimensions, config, n_questions=n_questions, tokens=tokens, shared=shared)
    written = driver_bytes(size.dimensions.n_total, config, targets_of(config.methods))
    driver = {
        "bytes_a_question": round(written),
        "bytes_a_second": DRIVER_BYTES_A_SECOND,
        "seconds": n_questions * written / DRIVER_BYTES_A_SECOND,
    }
    return {
        "model": preset.title if preset else spec.title,
        "parameters": size.parameters,
        "layers": size.dimensions.n_layers,
        "neurons_a_layer": size.dimensions.n_neurons,
        "questions": n_questions,
        "tokens": tokens,
        "shared_tokens": shared,
        "steps": config.steps,
        "rule": config.rule,
        "methods": list(config.methods),
        "flops": {"prompts": cost.prompt_flops, "rows": cost.row_flops, "total": cost.flops},
        "memory_bytes": {
            dtype: {
                "weights": size.parameters * BYTES[dtype],
                "working": _working_bytes(size.dimensions, config, dtype, tokens),
            }
            for dtype in REPORTED
        },
        "disk_bytes": cost.disk_bytes,
        "time": [
            _shared_out(_time(device, dtype, size, config, n_questions, tokens, shared), actors, driver["seconds"])
            for device in DEVICES
            for dtype in REPORTED
        ],
        **({"actors": actors, "driver": driver} if actors > 1 else {}),
    }


def _shared_out(time: dict[str, Any], actors: int, driver_seconds: float) -> dict[str, Any]:
    if actors == 1 or time["seconds"] is None:
        return time
    return {**time, "seconds": max(time["seconds"] / actors, driver_seconds)}


def _working_bytes(dimensions: Dimensions, config: AttributionConfig, dtype: str, tokens: int) -> int:
    return attribution_cost(dimensions, config, n_questions=1, dtype=dtype, tokens=tokens).working_bytes


def _time(
    device: Device, dtype: str, size: Size, config: AttributionConfig, n_questions: int, tokens: int, shared: int
) -> dict[str, Any]:
    assert size.dimensions is not None
    weights = size.parameters * BYTES[dtype]
    need = weights + _working_bytes(size.dimensions, config, dtype, tokens)
    # If the weights alone do not fit, passes of the usual size are assumed.
    free = device.memory - weights if device.memory and device.memory > weights else None
    cost = attribution_cost(
        size.dimensions, config, n_questions=n_questions, dtype=dtype, tokens=tokens, shared=shared, free=free
    )
    return {
        "device": device.name,
        "dtype": dtype,
        "seconds": seconds_on(device, cost, weights, dtype),
        "fits": None if device.memory is None else need <= device.memory,
        "rests_on": device.rests_on,
    }


def cost_text(result: dict[str, Any]) -> str:
    """The report for a terminal."""
    memory = [
        f"{dtype} {gigabytes(sum(parts.values()))} (weights {gigabytes(parts['weights'])})"
        for dtype, parts in result["memory_bytes"].items()
    ]
    lines = [
        f"{result['model']}: {result['parameters'] / 1e9:.2f} B parameters, {result['layers']} layers of "
        f"{result['neurons_a_layer']:,} neurons",
        f"{result['questions']:,} questions of {result['tokens']} tokens ({result['shared_tokens']} of them shared), "
        f"m = {result['steps']}, {result['rule']}, {', '.join(result['methods'])}",
        f"arithmetic  {result['flops']['total'] / 1e12:.3g} TFLOP, of which prompts "
        f"{result['flops']['prompts'] / 1e12:.3g}",
        f"memory      {'; '.join(memory)}",
        f"disk        {gigabytes(result['disk_bytes'])}",
    ]
    if "driver" in result:
        driver = result["driver"]
        lines.append(
            f"actors      {result['actors']}; the driver writes for {duration_text(driver['seconds'])}: "
            f"{driver['bytes_a_question'] / 1e6:.2g} MB per question at {driver['bytes_a_second'] / 1e6:.0f} MB/s"
        )
    for line in result["time"]:
        duration = "not measured" if line["seconds"] is None else duration_text(line["seconds"])
        no_room = "" if line["fits"] in (None, True) else "; does not fit into its memory"
        lines.append(f"time        {line['device']}, {line['dtype']}: {duration}{no_room}")
    return "\n".join([*lines, *(f"{device.name}: based on {device.rests_on}." for device in DEVICES)])


def duration_text(seconds: float) -> str:
    """A duration as text: `12 s`, `4 min`, `3.5 h`, `12 days`."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def cost_table(questions: tuple[int, ...] = (15, 1500, 100_000)) -> str:
    """The table of docs/measurements.md: LLaMA-2-7B, 13B and 70B."""
    rows = [
        "| model | questions | TFLOP | memory float32, bfloat16 | disk | H100 float32 | H100 bfloat16 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in PAPER_SIZES:
        for n in questions:
            found = cost_report(ModelSpec(name), n, AttributionConfig())
            memory = ", ".join(gigabytes(sum(parts.values())) for parts in found["memory_bytes"].values())
            times = [
                duration_text(line["seconds"]) + ("" if line["fits"] else " (does not fit)")
                for line in found["time"]
                if line["device"].startswith("NVIDIA")
            ]
            tera = f"{found['flops']['total'] / 1e12:,.0f}"
            cells = (name, f"{n:,}", tera, memory, gigabytes(found["disk_bytes"]), *times)
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def cluster_table(questions: tuple[int, ...] = (1500, 100_000), actors: tuple[int, ...] = (1, 8, 64)) -> str:
    """The table of docs/cluster.md: LLaMA-2-7B, 13B and 70B on H100s. A star: the driver's writing takes longest."""
    columns = [f"{n} GPU{'' if n == 1 else 's'}, {dtype}" for n in actors for dtype in REPORTED]
    rows = [
        f"| model | questions | {' | '.join(columns)} | writing alone |",
        f"|{'---|' * (len(columns) + 3)}",
    ]
    for name in PAPER_SIZES:
        for n_questions in questions:
            cells = []
            for n in actors:
                found = cost_report(ModelSpec(name), n_questions, AttributionConfig(), actors=n)
                for line in found["time"]:
                    if line["device"].startswith("NVIDIA"):
                        bound = "driver" in found and line["seconds"] <= found["driver"]["seconds"]
                        cells.append(
                            (duration_text(line["seconds"]) + (" *" if bound else ""))
                            if line["fits"]
                            else "does not fit"
                        )
            writing = cost_report(ModelSpec(name), n_questions, AttributionConfig(), actors=2)["driver"]["seconds"]
            rows.append(f"| {name} | {n_questions:,} | {' | '.join(cells)} | {duration_text(writing)} |")
    return "\n".join(rows)
