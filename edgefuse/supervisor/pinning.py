"""Whether what somebody pins fits this unit; pure."""

from __future__ import annotations

from edgefuse.config import document
from edgefuse.config.site import site_path
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.store.state import Pin, Pins
from edgefuse.supervisor.control import SetPin
from edgefuse.supervisor.settings import Wanted
from edgefuse.supervisor.unit import Unit


def describe_pin(request: SetPin) -> str:
    """Tell of a pin that was set or taken away."""
    return f"{request.setting} pinned to {request.value}" if request.value else f"{request.setting} no longer pinned"


def point_pin(pin: Pin[str], unit: Unit) -> Pin[int]:
    """Read the number of a point.

    Raises:
        EdgefuseError: The ladder has no such point.
    """
    last = len(unit.profile.ladder) - 1
    if not pin.value.isdecimal() or int(pin.value) > last:
        raise EdgefuseError(f"cannot pin point '{pin.value}': '{unit.profile.id}' has points 0 to {last}")
    return Pin(int(pin.value), pin.since)


def check_pinned_point(unit: Unit) -> None:
    """See that the site configuration pins a point that there is.

    Raises:
        ConfigError: The ladder has no such point.
    """
    point, last = unit.site.pin_point, len(unit.profile.ladder) - 1
    if point is not None and point > last:
        raise ConfigError(
            f"{document.show_path(site_path())}: pin_point: expected 0 to {last}, the points of "
            f"'{unit.profile.id}', got {point}"
        )


def check_donor(wanted: Wanted, pins: Pins) -> None:
    """See that a pinned face would be seen.

    Raises:
        EdgefuseError: The effect lays no face over others.
    """
    if pins.face is not None and wanted.site.face is None:
        raise EdgefuseError(f"cannot pin a face: the effect '{wanted.site.effect}' has no donor; pin fuse_mesh first")
