"""Where the worker process begins: it is tied to its server first, and then imports what takes seconds."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"of Linux: which signal a process gets when the thread that started it ends"


def end_with(server: int) -> None:
    """Has the kernel end this process when its server, the process of this number, has ended.

    While libraries are imported or a model is loaded, no thread of this process may get to see that its input has
    ended. Only Linux can do this; elsewhere, the thread that reads the input ends the process.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != server:
        # The server had ended before.
        os._exit(0)


def main() -> int:
    """Arguments: the number of the server's process, then those of `neuron_core.service.worker`."""
    server, *others = sys.argv[1:]
    end_with(int(server))
    from neuron_core.collector import leave_out_modules
    from neuron_core.service import worker

    leave_out_modules()
    return worker.main(others)


if __name__ == "__main__":
    sys.exit(main())
