"""What goes over the connections of a broker's port, as the kernel counts it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from edgefuse.errors import EdgefuseError

HEADER_BYTES = 52
"""Of a TCP segment over IPv4, with time stamps."""
_COUNTS = re.compile(rb"\b(bytes_sent|bytes_received|segs_out|segs_in):(\d+)")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of all connections that are open, headers included; from their beginnings on."""

    up_bytes: int
    down_bytes: int

    def __sub__(self, before: Traffic) -> Traffic:
        return Traffic(self.up_bytes - before.up_bytes, self.down_bytes - before.down_bytes)


def read_traffic(port: int) -> Traffic:
    """Count what came to a port of this machine and what went from it.

    Raises:
        EdgefuseError: There is no ``ss``.
    """
    command = ["ss", "-tinH", "state", "established", f"sport = :{port}"]
    try:
        output = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as e:
        raise EdgefuseError(f"cannot count bytes: {e}; install iproute2") from e
    sums = {b"bytes_sent": 0, b"bytes_received": 0, b"segs_out": 0, b"segs_in": 0}
    for name, count in _COUNTS.findall(output):
        sums[name] += int(count)
    return Traffic(
        up_bytes=sums[b"bytes_received"] + HEADER_BYTES * sums[b"segs_in"],
        down_bytes=sums[b"bytes_sent"] + HEADER_BYTES * sums[b"segs_out"],
    )
