"""The paper's tables and figures, made from many runs."""
