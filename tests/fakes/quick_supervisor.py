"""A supervisor that tries releases in seconds, and hears wishes from a file: run as a program.

Each line of the file is a release, a deployment and a number, as ``dn/desired`` says them. All are heard after each
start, as a broker gives its retained message on each connection. Where a file ``clock`` lies beside it, that is the
time.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from edgefuse import clock, log
from edgefuse.ota import steps
from edgefuse.supervisor.daemon import Daemon
from edgefuse.supervisor.trial import Pace

PACE = Pace(least_s=2.0, block_s=0.2, blocks_before=20)
LOOK_S = 0.05
AGAIN_S = 1.0


async def _hear(daemon: Daemon, path: Path) -> None:
    heard = 0
    while True:
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines[heard:]:
            release, deployment, seq = line.split()
            daemon.updating.wish(release, deployment, int(seq))
        heard = len(lines)
        await asyncio.sleep(LOOK_S)


def _set_clock(path: Path) -> None:
    wall_now = clock.wall_now

    def read() -> datetime:
        return clock.parse_iso(path.read_text()) if path.exists() else wall_now()

    clock.wall_now = read


async def _run(path: Path) -> None:
    daemon = Daemon(pace=PACE)
    hearing = asyncio.get_running_loop().create_task(_hear(daemon, path))
    try:
        await daemon.run()
    finally:
        hearing.cancel()


if __name__ == "__main__":
    log.start(is_verbose=False)
    steps.AGAIN_S = AGAIN_S
    _set_clock(Path(sys.argv[1]).with_name("clock"))
    asyncio.run(_run(Path(sys.argv[1])))
