"""Who may import and call what. The linter holds most of this; here it is held at run time."""

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import neuron_core

CORE = Path(neuron_core.__path__[0])
# Everything else opens without torch and transformers; a new module does too until it is named here.
HEAVY = {
    "bench.captum",
    "bench.families",
    "bench.floor",
    "bench.gguf_files",
    "bench.run",
    "bench.stages",
    "bench.small_models",
    "bench.studies",
    "bench.timing",
    "cni.attribution",
    "cni.layer_rows",
    "cni.reference",
    "cni.logprob",
    "cni.targets",
    "control.evaluation",
    "control.side_effects",
    "control.generation",
    "control.neuron",
    "models.adapter",
    "models.attention",
    "models.baichuan",
    "models.device",
    "models.explain",
    "models.fitting",
    "models.gguf_tokenizer",
    "models.gguf_weights",
    "models.weights",
    "models.embedded",
    "models.heads",
    "models.hooks",
    "models.identify",
    "models.kept_checks",
    "models.products",
    "models.letter_head",
    "models.loading",
    "models.lora",
    "models.masks",
    "models.placement",
    "models.prepare",
    "models.prompt_pass",
    "models.prompt_state",
    "models.prompts",
    "models.rounding",
    "models.rows",
    "models.shapes",
    "models.trees",
    "models.wrappers",
    "models.loaded",
    "models.residual",
    "engine.batches",
    "engine.engine",
    "engine.inspection",
    "engine.model_lock",
    "engine.passes",
    "engine.side_effects",
    "experiments.figure9",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path for path in sorted(CORE.rglob("*.py"))}
LIGHT = [name for name in SOURCES if name not in HEAVY | {"", "__main__"}]

PROBE = """
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    before = set(sys.modules)
    importlib.import_module("neuron_core." + name)
    new = {module.partition(".")[0] for module in set(sys.modules) - before}
    found[name] = sorted(new & {"torch", "transformers", "streamlit"})
print(json.dumps(found))
"""


@functools.cache
def brought_in() -> dict[str, list[str]]:
    """What each light module, or what it imports, brings in; one fresh process for all of them."""
    command = [sys.executable, "-c", PROBE, *LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CORE.parent, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def calls(path: Path) -> set[str]:
    """Names of all functions and methods that a file calls."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            names.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
    return names


def imports(path: Path) -> set[str]:
    """First parts of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_modules_that_may_import_torch_are_there_and_are_none_of_those_that_never_may():
    assert set(SOURCES) >= HEAVY
    never = (
        "tasks",
        "qatt",
        "analysis",
        "figures",
        "runs",
        "reports",
        "estimates",
        "service.handle",
        "cli",
        "commands",
    )
    assert [name for name in HEAVY if name.startswith(never)] == []


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_module_opens_without_torch_transformers_and_streamlit(name):
    assert brought_in()[name] == []


def test_the_probe_sees_what_a_module_brings_in():
    command = [sys.executable, "-c", PROBE, "models.hooks"]
    found = json.loads(subprocess.check_output(command, text=True, cwd=CORE.parent))
    assert found == {"models.hooks": ["torch"]}


def test_only_one_file_calls_from_pretrained():
    # The benchmark writes GGUF files of its own tiny checkpoints, apart from the code that is tried with them.
    allowed = ["bench.gguf_files", "models.loading"]
    assert sorted(name for name, path in SOURCES.items() if "from_pretrained" in calls(path)) == allowed


def test_only_one_file_registers_hooks():
    hooking = [name for name, path in SOURCES.items() if any("register" in c and "hook" in c for c in calls(path))]
    assert hooking == ["models.hooks"]


@pytest.mark.parametrize("name", SOURCES)
def test_no_file_of_the_core_imports_streamlit_or_spawns_by_multiprocessing_or_unpickles(name):
    assert not imports(SOURCES[name]) & {"streamlit", "multiprocessing", "pickle"}
