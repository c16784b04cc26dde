"""Programs that a page will need are fetched while the server still works on it, not when their first element comes."""

from functools import cache
from pathlib import Path

import streamlit as st

# Streamlit's own files, by the beginning of their names; figures are by far the largest.
FIGURES, TABLES = "PlotlyChart", "DataFrame"
NEEDED = {
    **dict.fromkeys(("Attribution", "Overview"), (FIGURES,)),
    **dict.fromkeys(("Start", "Layers", "Neuron", "Cross-task", "Control", "Question", "Methods"), (FIGURES, TABLES)),
    "Runs": (TABLES,),
}


def preload(title: str) -> None:
    """Asks the browser for what the page of this title will need; the page works without it as well."""
    files = [found for name in NEEDED.get(title, ()) if (found := program(name))]
    asked = "".join(f'import("./static/js/{name}").catch(() => {{}});' for name in files)
    # On every page, so that what follows has the same place on all of them: in another place, the title of a page would
    # stand beside that of the page before for a moment.
    with st.container(key="preload"):
        if asked:
            st.html(f"<script>{asked}</script>", unsafe_allow_javascript=True)


@cache
def program(name: str) -> str | None:
    """The file of one of Streamlit's programs, whose name ends differently in every version; None if there is none."""
    found = sorted((Path(st.__file__).parent / "static" / "static" / "js").glob(f"{name}.*.js"))
    return found[0].name if len(found) == 1 else None
