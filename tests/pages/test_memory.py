"""Modules are left out of the search for garbage, and only when some were imported is this done again."""

import gc
import sys
import tomllib
from types import ModuleType

from neuron_core.paths import APP_FOLDER
from pages.shared.frame import memory


def test_what_is_in_memory_is_left_out_whenever_modules_were_imported(monkeypatch):
    searches = []
    monkeypatch.setattr(memory, "_known", 0)
    clock = [1000.0]
    monkeypatch.setattr(memory.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(gc, "collect", lambda *_: searches.append(gc.get_freeze_count()))
    try:
        memory.settle()
        assert gc.get_freeze_count() > 10_000
        memory.settle()
        assert len(searches) == 1
        monkeypatch.setitem(sys.modules, "one_more", ModuleType("one_more"))
        memory.settle()
        # All was searched, what had been left out too.
        assert searches == [0, 0]
        # Later, what pages and sessions left behind is looked for, without the modules.
        clock[0] += memory.EVERY_S
        memory.settle()
        memory.settle()
        assert len(searches) == 3
        assert searches[-1] > 10_000
    finally:
        gc.unfreeze()


def test_streamlit_does_not_search_all_memory_after_every_page():
    said = tomllib.loads((APP_FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert said["runner"]["postScriptGC"] is False
