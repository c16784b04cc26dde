"""Paths of the files that come with the program: next to the package in a checkout, inside it once installed."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED_APP = PACKAGE / "_app"
"created when the package is built; a checkout does not have it"
APP_FOLDER = INSTALLED_APP if INSTALLED_APP.is_dir() else PACKAGE.parent
"the folder with app.py, frame.py, pages, assets and .streamlit"
ASSETS = APP_FOLDER / "assets"
"the folder with the bundled tasks, the adapter, the finished demo runs and the neutral text"
