"""A run on disk: its config, its folder, its results."""
