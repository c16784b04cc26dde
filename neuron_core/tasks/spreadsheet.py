"""Tables as CSV that is safe to open in a spreadsheet program: a text never becomes a formula."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"first characters that make a spreadsheet program take a text for a formula or hide it"


def safe_cell(value: Any) -> Any:
    """Puts a quote in front of a text that begins like a formula; returns any other value unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def safe_csv(frame: "pd.DataFrame") -> str:
    """The table as CSV without its index. Headings and texts are safe to open in a spreadsheet program."""
    made = frame.copy()
    made.columns = [safe_cell(name) for name in made.columns]
    for place, kind in enumerate(made.dtypes):
        if str(kind) in ("object", "str", "string", "category"):
            made.isetitem(place, made.iloc[:, place].astype(object).map(safe_cell))
    return made.to_csv(index=False)
