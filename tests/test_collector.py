"""Python's search for garbage leaves out torch and transformers, and is otherwise as the user has it."""

import ast
import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from neuron_core.collector import LOADS_MODELS, importing, leave_out_modules
from neuron_core.paths import PACKAGE

HEAVY = {"neuron_core.engine.engine", LOADS_MODELS}


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The collector as it was, and a process that has not imported torch yet."""
    monkeypatch.delitem(sys.modules, LOADS_MODELS, raising=False)
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()


def test_no_search_during_the_imports_and_the_usual_one_after_an_error() -> None:
    with suppress(ImportError), importing():
        assert not gc.isenabled()
        raise ImportError("damaged")
    assert gc.isenabled()
    gc.disable()
    with importing():
        pass
    assert not gc.isenabled()


def test_garbage_of_a_users_process_is_still_found() -> None:
    class Knot:
        pass

    with importing():
        knot = Knot()
        knot.self = knot  # type: ignore[attr-defined]
        number = id(knot)
        del knot
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert not any(id(one) == number and type(one).__name__ == "Knot" for one in gc.get_objects())


def test_a_process_of_our_own_leaves_out_what_was_imported() -> None:
    leave_out_modules()
    before = gc.get_freeze_count()
    with importing():
        kept = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(kept)


def test_nothing_changes_once_torch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, LOADS_MODELS, sys)
    leave_out_modules()
    gc.unfreeze()
    with importing():
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_every_import_of_torch_within_a_function_is_without_a_search() -> None:
    """The bench is left out: it asks for an engine when torch is there."""
    bare = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "bench"):
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                inside = {
                    id(found)
                    for block in ast.walk(function)
                    if isinstance(block, ast.With) and "importing()" in map(ast.unparse, block.items)
                    for found in ast.walk(block)
                }
                bare += [
                    f"{path.relative_to(PACKAGE)}, {function.name}"
                    for found in ast.walk(function)
                    if isinstance(found, ast.ImportFrom) and found.module in HEAVY and id(found) not in inside
                ]
    assert bare == []


def test_the_imports_of_an_engine_take_no_search() -> None:
    program = (
        "import gc, sys\n"
        "searches = []\n"
        "from neuron_core.engine.engines import LocalEngines\n"
        "from neuron_core.errors import ModelError\n"
        "from neuron_core.models.spec import ModelSpec\n"
        "def imported():\n"
        "    return hasattr(sys.modules.get('neuron_core.engine.engine'), 'Engine')\n"
        "gc.callbacks.append(lambda *_: searches.append('torch' in sys.modules and not imported()))\n"
        "try:\n"
        "    LocalEngines().engine(ModelSpec('/none.gguf'), print)\n"
        "except ModelError:\n"
        "    print(sum(searches))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0
