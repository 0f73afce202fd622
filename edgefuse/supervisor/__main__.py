"""``python -m edgefuse.supervisor``: the daemon alone, without what other commands load."""

import asyncio
import sys

from edgefuse import log
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.daemon import Daemon


def main() -> int:
    """Run the supervisor and give the process's exit code."""
    log.start(is_verbose="--verbose" in sys.argv[1:])
    try:
        asyncio.run(_run())
    except EdgefuseError as e:
        sys.stderr.write(f"edgefuse: {e}\n")
        return 2
    return 0


async def _run() -> None:
    await Daemon().run()


if __name__ == "__main__":
    sys.exit(main())
