"""How the package is built: setuptools, and the app put into the package, so that no other top-level name is installed.

pyproject.toml names this file as the build backend.
"""

import shutil
from pathlib import Path

# The functions that pip calls.
from setuptools.build_meta import *  # noqa: F403
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent.parent
APP = ("app.py", "frame.py", "pages", "assets", ".streamlit")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "screenshots", "secrets.toml")


class BuildWithApp(build_py):
    """The modules, and the app as files of the package neuron_core in the folder _app."""

    def run(self):
        super().run()
        if self.editable_mode:
            # The checkout has the files beside the package.
            return
        folder = Path(self.build_lib, "neuron_core", "_app")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in APP:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
            else:
                shutil.copyfile(ROOT / name, folder / name)
