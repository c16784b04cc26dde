"""The commands of the command line, a few in each file; cli.py puts them together."""
