"""Python for notebooks: runs as objects with tables and figures."""
