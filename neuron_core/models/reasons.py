"""What an error of another library means, in one line for a message. No torch."""

import re

WRONG_KIND = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
"errors that Python itself raises where a value is of a kind that the code does not expect, or is missing"
FIELD = re.compile(r"Validation error for field '(?P<field>[^']*)':\s+\w+: (?P<said>.*)", re.DOTALL)
"as transformers reports a value of a config"
MOST = 300
"characters of what a library says of a value"


def reason_of(error: BaseException) -> str:
    """What this error means: the first line of its message, or words of our own where that says nothing to a user."""
    said = str(error).strip()
    if found := FIELD.match(said):
        return f"the value of {found['field']} in its config.json is not accepted ({_cut(found['said'])})"
    lines = said.splitlines() or [type(error).__name__]
    # If the first line only announces the next one, both are needed.
    first = f"{lines[0]} {lines[1].strip()}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]
    if isinstance(error, RecursionError):
        return "a file of it is nested too deep"
    if isinstance(error, WRONG_KIND):
        return f"a value in one of its files is missing or of the wrong kind ({type(error).__name__}: {_cut(first)})"
    return first


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}…"
