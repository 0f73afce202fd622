"""Asking the supervisor of this unit, for the commands that talk to it."""

from __future__ import annotations

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import AnyRequest, GetStatus, Refused, Status, Told, ask


def get_status() -> Status:
    """Ask for the status.

    Raises:
        EdgefuseError: It could not be asked, or refused.
    """
    reply = ask(GetStatus())
    if isinstance(reply, Told):
        return reply.status
    raise EdgefuseError(f"cannot get the status: {reply.reason if isinstance(reply, Refused) else reply}")


CHANGE_S = 240.0
"""The supervisor says whether a change was made when its models are open, which may take a new worker."""


def tell(request: AnyRequest) -> None:
    """Ask for a change.

    Raises:
        EdgefuseError: The supervisor could not be asked, or refused with this reason.
    """
    reply = ask(request, CHANGE_S)
    if isinstance(reply, Refused):
        raise EdgefuseError(reply.reason)
