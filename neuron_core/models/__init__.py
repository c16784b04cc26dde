"""Loading, the table of architectures, hooks, letter tokens, cached rows."""
