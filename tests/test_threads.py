"""How threads wait: what is set reaches OpenMP, and what a user has set stays."""

import os
import subprocess
import sys

import pytest

from neuron_core.service.process import PROJECT
from neuron_core.threads import SPINS, openmp_settings


def test_what_a_user_has_set_stays():
    assert openmp_settings({"OMP_WAIT_POLICY": "ACTIVE"}) == {}
    assert openmp_settings({"GOMP_SPINCOUNT": "5"}) == {}
    assert openmp_settings({}) == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": SPINS}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU's OpenMP comes with torch on Linux")
def test_torchs_openmp_reads_it():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    environment |= {**openmp_settings(environment), "OMP_DISPLAY_ENV": "VERBOSE"}
    done = subprocess.run(
        [sys.executable, "-c", "import torch"], env=environment, capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in done.stderr
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
