"""``python -m edgefuse.up.tied PID COMMAND…``: become a program that is told to end when its parent is gone.

Source: prctl(2).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == int(sys.argv[1]):  # else the parent was gone before it could be told
        os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
