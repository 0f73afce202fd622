"""A worker of tests/fakes that grows without end from the moment that a file bids it to."""

from __future__ import annotations

import runpy
import threading
import time
from pathlib import Path

BID = Path("/var/lib/edgefuse/grow")
STEP_BYTES = 4 << 20


def _grow() -> None:
    while not BID.exists():
        time.sleep(0.2)
    BID.unlink()  # for this life only
    held = []
    while True:
        held.append(b"\x01" * STEP_BYTES)


threading.Thread(target=_grow, daemon=True).start()
runpy.run_path(str(Path(__file__).with_name("worker_program.py")), run_name="__main__")
