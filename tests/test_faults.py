"""The short form of scripts/faults.py: every kind of fault is tried, and every run survives it."""

import os
import subprocess
import sys

import pytest

from neuron_core.engine.cluster_options import has_ray
from neuron_core.paths import APP_FOLDER


@pytest.mark.skipif(not hasattr(os, "fork"), reason="faults.py needs a system with fork")
@pytest.mark.timeout(900)
def test_every_fault_of_the_short_form_is_survived_and_loses_nothing():
    command = [sys.executable, "scripts/faults.py"]
    found = subprocess.run(command, cwd=APP_FOLDER, capture_output=True, text=True, check=False)
    rows = [line.split("|")[1:5] for line in found.stdout.splitlines() if line.startswith("| ")][1:]
    assert found.returncode == 0, found.stdout + found.stderr
    # Without Ray there is no actor to kill.
    assert len(rows) == 24 + has_ray()
    assert all(int(tries) == int(survived) > 0 and int(lost) == 0 for _, tries, survived, lost in rows)
