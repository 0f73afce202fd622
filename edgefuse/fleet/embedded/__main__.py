"""``python -m edgefuse.fleet.embedded FOLDER``: serve the site in a folder."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from edgefuse import disk, log
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.broker import embedded_pid_path
from edgefuse.fleet.embedded.broker import EmbeddedBroker


def main() -> int:
    """Serve until SIGTERM or Ctrl-C, and give the process's exit code."""
    log.start(is_verbose=False)
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        asyncio.run(_serve(Path(sys.argv[1]).resolve()))
    except EdgefuseError as e:
        sys.stderr.write(f"edgefuse: {e}\n")
        return 2
    return 0


async def _serve(folder: Path) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    broker = EmbeddedBroker(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, broker.reload)
    await broker.open()
    pid_path = embedded_pid_path(folder)
    disk.write_atomically(pid_path, str(os.getpid()).encode())
    try:
        await ended.wait()
    finally:
        pid_path.unlink(missing_ok=True)
        await broker.close()


if __name__ == "__main__":
    sys.exit(main())
