"""The commands, a few a file; cli.py puts them together."""
