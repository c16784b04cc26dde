"""`python -m neuron_core`."""

from neuron_core.cli import neuronllm

neuronllm()
