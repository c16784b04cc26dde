"""Where the files lie that come with the program: beside the package in a checkout, inside it once installed."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED_APP = PACKAGE / "_app"
"made when the package is built; a checkout has none"
APP_FOLDER = INSTALLED_APP if INSTALLED_APP.is_dir() else PACKAGE.parent
"holds app.py, pages, assets and .streamlit"
ASSETS = APP_FOLDER / "assets"
"bundled tasks, adapter, finished demo run, neutral text"
