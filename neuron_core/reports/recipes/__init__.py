"""Commands and Python that make what a page shows."""
