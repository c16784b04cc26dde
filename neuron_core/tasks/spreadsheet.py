"""Tables that spreadsheets open: a text that one would take for a formula stays a text."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"beginnings that spreadsheets compute or hide"


def safe_cell(value: Any) -> Any:
    """A text with a quote in front where it begins like a formula; anything else as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def safe_csv(frame: "pd.DataFrame") -> str:
    """The table as CSV without its index; headings and texts are safe to open in a spreadsheet."""
    made = frame.copy()
    made.columns = [safe_cell(name) for name in made.columns]
    for place, kind in enumerate(made.dtypes):
        if str(kind) in ("object", "str", "string", "category"):
            made.isetitem(place, made.iloc[:, place].astype(object).map(safe_cell))
    return made.to_csv(index=False)
