"""What can be wrong with a simulated device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from edgefuse.errors import ConfigError

Fault = Literal["flapping", "hot", "silent", "wrong-clock"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

MEANINGS: Mapping[Fault, str] = {
    "flapping": "loses its connection every minute or so, for up to a minute",
    "hot": "stands in the sun with its fan broken",
    "silent": "is connected, and neither reports nor answers",
    "wrong-clock": "believes that it is 1970, and takes no command until it is told the time",
}


def deal(devices: int, counts: Mapping[Fault, int]) -> tuple[Fault | None, ...]:
    """Give every device its fault, or none; the first devices get them.

    Raises:
        ConfigError: There are more faults than devices.
    """
    faults = tuple(fault for fault in FAULTS for _ in range(counts.get(fault, 0)))
    if len(faults) > devices:
        raise ConfigError(f"cannot simulate {len(faults)} faults: there are {devices} devices; each has one at most")
    return faults + (None,) * (devices - len(faults))
