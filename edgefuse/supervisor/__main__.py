"""``python -m edgefuse.supervisor``: the daemon alone, without what other commands load."""

import importlib
import sys

from edgefuse import log
from edgefuse.errors import EdgefuseError


def main() -> int:
    """Run the supervisor and give the process's exit code."""
    log.start(is_verbose="--verbose" in sys.argv[1:])
    _load_asyncio()
    import asyncio

    from edgefuse.supervisor.daemon import run

    try:
        asyncio.run(run())
    except EdgefuseError as e:
        sys.stderr.write(f"edgefuse: {e}\n")
        return 2
    return 0


def _load_asyncio() -> None:
    """Load asyncio without TLS, which takes 1.2 MB; a link, which needs it, loads it by itself."""
    sys.modules["ssl"] = None  # type: ignore[assignment]  # cannot be imported now: asyncio goes on without
    importlib.import_module("asyncio")
    del sys.modules["ssl"]


if __name__ == "__main__":
    sys.exit(main())
