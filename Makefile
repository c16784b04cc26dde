# Needed: make, and Python 3.11 to 3.14 with venv. The README has the same as plain commands.
PYTHON ?= python3
RUN = .venv/bin/python -m
# Processes that share the tests, each with torch and up to 1 GB of memory.
JOBS ?= 2

.PHONY: help app test setup check bench dev screenshots python

help:
	@echo "make app     install what is missing, then start the app (PORT=9000: on that port)"
	@echo "make test    run the checks and all tests (JOBS=4: in four processes)"
	@echo "make setup   only install       (CPU=1: with the CPU build of torch)"
	@echo "make check   format, lint, layering and types"
	@echo "make bench   measure the speed of attribution and evaluation"
	@echo "make screenshots   make the pictures of the README and the guide again"
	@echo "PYTHON=python3.12 names the Python to use."

app: setup
	@$(RUN) neuron_core app

setup: python
	@$(PYTHON) scripts/setup.py

dev: python
	@$(PYTHON) scripts/setup.py --dev

check: dev
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	.venv/bin/python .venv/bin/lint-imports --no-logo
	$(RUN) mypy
	@.venv/bin/python scripts/audit.py

test: check
	$(RUN) pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

bench: setup
	$(RUN) neuron_core bench

screenshots: dev
	.venv/bin/python scripts/screenshots.py

python:
	@$(PYTHON) -c "" 2>/dev/null || { \
	  echo "$(PYTHON) is not here or does not start. Install Python 3.11 to 3.14, or name one: make app PYTHON=python3.12" >&2; \
	  exit 1; }
