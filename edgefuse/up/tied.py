"""``python -m edgefuse.up.tied PID COMMAND…``: become a program that is told to end when its parent is gone."""

import os
import signal
import sys

from edgefuse.confinement import end_with_parent


def main() -> None:
    """Become the command."""
    end_with_parent(signal.SIGTERM)
    if os.getppid() == int(sys.argv[1]):  # else the parent was gone before it could be told
        os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
