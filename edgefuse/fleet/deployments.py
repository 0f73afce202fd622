"""What a report of a deployment means to whoever looks at a fleet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

from edgefuse import clock, trusted_time
from edgefuse.link.messages import Deployment
from edgefuse.ota.deployment import End

LATELY = timedelta(days=1)

_ENDS = frozenset(get_args(End))
_EXPECTED = ("COMMITTED", "CANCELLED")


def is_over(deployment: Deployment) -> bool:
    """Tell whether it has ended, in whatever way."""
    return deployment.state in _ENDS


def is_of_note(deployment: Deployment, now: datetime) -> bool:
    """Tell whether it is under way, or came lately to an end that nobody asked for."""
    if not is_over(deployment):
        return True
    if deployment.state in _EXPECTED:
        return False
    try:
        ended = clock.parse_iso(deployment.ended_at)
    except ValueError:
        return True
    return ended < trusted_time.FLOOR or now - ended < LATELY  # a device without a clock does not know when that was


def show_progress(deployment: Deployment) -> str:
    """Give its state in a few characters, with the share of the bytes that are done where it counts them."""
    if is_over(deployment) or not deployment.total_bytes:
        return deployment.state
    return f"{deployment.state} {deployment.done_bytes / deployment.total_bytes:.0%}"
