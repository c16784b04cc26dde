"""What the documents say is so: links, commands, options, files, functions, tables, and every Python block."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from neuron_core import __version__, cli
from neuron_core.engine import engine as engine_module
from neuron_core.estimates.report import cluster_table, cost_table
from tests.run_fixtures import *  # noqa: F403

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS]
WRITTEN = ("guide", "architecture", "command-line", "python", "measurements", "models", "method")
README_LINES = 130
# Fewer examples than the documents name: the blocks must run, not find anything.
SMALLER = (("evaluate=50", "evaluate=4"), ("examples=5", "examples=2"), ("examples=10,", "examples=4,"))
PROGRAMS = ("python -m neuron_core", "neuronllm")
COMMANDS = typer.main.get_command(cli.app).commands


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(text: str, language: str = r"\w*") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def inline(text: str) -> list[str]:
    """What stands in backticks, line breaks as spaces."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(text))]


def shown_commands(text: str) -> list[str]:
    """Every use of the program, in blocks and in backticks."""
    lines = [line.strip() for block in fenced(text) for line in block.splitlines()]
    return [one for one in (*lines, *inline(text)) if one.startswith(tuple(f"{program} " for program in PROGRAMS))]


def options_of(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"--help"}


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.casefold()).replace(" ", "-") for title in titles}


def test_the_documents_of_the_readme_are_there():
    assert {f"{name}.md" for name in WRITTEN} <= {path.name for path in DOCS}


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_link_and_picture_is_there(path):
    text = prose(path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    missing = []
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_command_shown_exists_with_the_options_shown(path):
    wrong = []
    for line in shown_commands(path.read_text(encoding="utf-8")):
        program = next(one for one in PROGRAMS if line.startswith(one))
        words = shlex.split(line.removeprefix(program), comments=True)
        name, options = words[0], [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
        if name.isupper() or name.startswith("-"):
            continue
        if name not in COMMANDS or not set(options) <= options_of(name):
            wrong.append(line)
    assert wrong == []


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_every_option_named_in_the_text_belongs_to_a_command(path):
    known = {option for name in COMMANDS for option in options_of(name)}
    # Of pip, not of ours.
    known |= {"--no-deps"}
    text = path.read_text(encoding="utf-8")
    named = {code.split()[0].partition("=")[0] for code in inline(text) if re.match(r"--[a-z]", code)}
    assert sorted(named - known) == []


def test_every_command_stands_on_the_page_of_the_command_line():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    shown = {name for name, command in COMMANDS.items() if not command.hidden}
    assert sorted(name for name in shown if f"`{name}`" not in text) == []


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_make_target_named_exists(path):
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:[A-Z]+=\S+ )?make ([a-z]+)", text))
    named |= {line.split()[1] for block in fenced(text) for line in block.splitlines() if line.startswith("make ")}
    assert sorted(named - targets) == []


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_file_of_the_project_named_exists(path):
    folders = ("neuron_core/", "pages/", "tests/", "scripts/", "assets/", "docs/")
    named = {code for code in inline(path.read_text(encoding="utf-8")) if code.startswith(folders) and " " not in code}
    assert sorted(one for one in named if not (ROOT / one).exists()) == []


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_every_variable_of_the_environment_named_is_read_somewhere(path):
    sources = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("neuron_core", "pages", "tests", ".ci")
        for file in (ROOT / folder).rglob("*")
        if file.suffix == ".py" or file.name == "run"
    )
    named = set(re.findall(r"NEURONLLM_[A-Z_]+", path.read_text(encoding="utf-8")))
    assert sorted(name for name in named if name not in sources) == []


def defined(path: Path) -> set[str]:
    """Functions and classes of a file, and methods as Class.method."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def test_what_architecture_says_is_where_it_says():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = re.findall(r"`(neuron_core/[\w/]+\.py)`, (?:function|class|method) `([\w.]+)`", text)
    places += [(file, name) for name, file in re.findall(r"`(\w+)` in `(neuron_core/[\w/]+\.py)`", text)]
    assert len(places) >= 6
    missing = [(file, name) for file, name in places if name not in defined(ROOT / file)]
    missing = [(file, name) for file, name in missing if f"\n{name}" not in (ROOT / file).read_text(encoding="utf-8")]
    assert missing == []


def test_the_rooms_of_architecture_are_the_linter_s_layers_in_their_order():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["id"] == "layers")
    wanted = [name.strip().replace(".", "/") for layer in layers for name in layer.split(":")]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `neuron_core/"))
    named = [name.removesuffix(".py") for name in re.findall(r"`([\w/.]+)`", rows)]
    missing = [name for name in wanted if name not in named]
    assert missing == []
    places = {
        layer: min(named.index(n) for n in names if n in named)
        for layer, names in enumerate(
            [[name.strip().replace(".", "/") for name in layer.split(":")] for layer in layers]
        )
    }
    assert list(places.values()) == sorted(places.values())


@pytest.mark.parametrize(("page", "table"), [("measurements", cost_table), ("cluster", cluster_table)])
def test_the_tables_of_costs_are_what_the_code_computes(page, table):
    assert table() in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_the_citation_names_this_version():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert found["version"] == __version__
    assert found["cff-version"] == "1.2.0"
    assert found["preferred-citation"]["title"] in (ROOT / "README.md").read_text(encoding="utf-8")


def smaller(block: str) -> str:
    for one, other in SMALLER:
        block = block.replace(one, other)
    return block


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if fenced(path.read_text(encoding="utf-8"), "python")], ids=name_of
)
def test_every_python_block_runs_on_a_tiny_model(path, tiny_model, monkeypatch, tmp_path):
    import neuron_core as nc

    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine_module, "load_model", lambda spec, on_stage=None: tiny_model("llama"))
    names: dict[str, object] = {}
    for block in fenced(path.read_text(encoding="utf-8"), "python"):
        exec(compile(smaller(block), name_of(path), "exec"), names)
    nc.unload()
