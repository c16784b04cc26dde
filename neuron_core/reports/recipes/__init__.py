"""Commands and Python code that reproduce what a page shows."""
