"""Commanding devices: signed, sent, and where a device does not know what time it is, told that first."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgefuse import clock
from edgefuse.fleet.sending import Answer, SilentError, send_all
from edgefuse.fleet.session import Session
from edgefuse.fleet.signing import Sealed, seal_action, seal_actions
from edgefuse.link.commands import Action, SetClock, name_action

logger = logging.getLogger(__name__)

_SET_CLOCK = "set-clock"
Result = tuple[Sealed, Answer | SilentError]
"""A command and what came of it."""


def command_all(
    session: Session, folder: Path, devices: Sequence[str], action: Action, wait_s: float
) -> Iterator[Result]:
    """Send one command to devices, and give what came of it on each, as it comes.

    A device that cannot judge times refuses with a challenge; it is told the time, and sent the command again.

    Args:
        session: An operator's connection.
        folder: Of the site.
        devices: At least one.
        action: What is asked for.
        wait_s: For each answer; the command expires then.

    Raises:
        EdgefuseError: A device is not enrolled, or the site's folder cannot be read or written.
        BrokerError: The connection is lost.
    """
    command, told = name_action(action), set[str]()

    def tell_time(sealed: Sealed, answer: Answer | SilentError) -> Sealed | None:
        """Tell a device that asks, at once because its challenge is soon stale, and then send the command again."""
        if isinstance(answer, SilentError):
            return None
        device, reply = sealed.command.device, answer.reply
        if reply.challenge and device not in told:
            told.add(device)
            statement = SetClock(challenge=reply.challenge, now=clock.wall_now().isoformat(timespec="milliseconds"))
            return seal_action(folder, device, _SET_CLOCK, statement, wait_s)
        if device not in told or sealed.command.command != _SET_CLOCK:
            return None
        logger.debug("told a device the time device=%s outcome=%s", device, reply.outcome)
        is_all = command == _SET_CLOCK or reply.outcome != "done"
        return None if is_all else seal_action(folder, device, command, action, wait_s)

    return send_all(session, seal_actions(folder, devices, command, action, wait_s), wait_s, tell_time)
