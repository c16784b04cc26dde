"""`python -m neuron_core`, and the installed command `neuronllm`."""

import sys


def main() -> None:
    """The process of a command. Ctrl-C ends it with 130 from its beginning on: importing the commands takes a while."""
    try:
        from neuron_core.cli import neuronllm

        neuronllm()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
