"""NeuronLLM Explorer: good and bad feed-forward neurons of a language model for a task.

Import what you need from the modules; this package imports nothing by itself, so reading a saved run needs no torch.
"""

__version__ = "0.1.0"
