"""scripts/scale.py on a few questions: the stand-in for the model goes through a whole run, which is read again."""

import subprocess
import sys

from neuron_core.paths import APP_FOLDER


def test_a_small_run_of_the_stand_in_is_measured_from_first_question_to_deletion():
    command = [sys.executable, "scripts/scale.py", "--questions", "60,90", "--evaluation", "30", "--shape", "3x40"]
    found = subprocess.run(command, cwd=APP_FOLDER, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    rows = {line.split("|")[1].strip(): line.split("|")[2:4] for line in found.stdout.splitlines()}
    assert [part.strip() for part in rows[""]] == ["60 questions", "90 questions"]
    for name in ("resume with three left, s", "list, s", "HTML report, s", "verify, s", "remove its files, s"):
        assert all(part.strip() for part in rows[name]), name
    before, after = rows["files"][0].split(",")
    assert int(before) <= int(after) < 30
