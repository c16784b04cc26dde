#!/usr/bin/env bash
# Everything that only a GPU can show, in one command and under five minutes: one table in $OUT/gpu.md.
#   OUT=results scripts/gpu_check.sh            on a machine with a CUDA device
#   OUT=results scripts/gpu_check.sh --small    tiny shapes on a processor: shows that the check itself works
set -euo pipefail
cd "$(dirname "$0")/.."
OUT="${OUT:-gpu-check}"
PYTHON="${PYTHON:-.venv/bin/python}"
if ! "$PYTHON" -c "import torch, transformers, pytest" 2>/dev/null; then
  python3 scripts/setup.py --dev
  PYTHON=.venv/bin/python
fi
exec "$PYTHON" scripts/gpu_check.py --out "$OUT" "$@"
