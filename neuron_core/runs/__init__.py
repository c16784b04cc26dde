"""The engine, its worker process, and the folders that keep results."""
