"""Commanding devices: signed, sent, and where a device does not know what time it is, told that first."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgefuse import clock
from edgefuse.fleet.sending import Answer, SilentError, send, send_all
from edgefuse.fleet.session import Session
from edgefuse.fleet.signing import Sealed, seal_action, seal_actions
from edgefuse.link.commands import Action, SetClock, name_action, parse_action

logger = logging.getLogger(__name__)

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
        wait_s: For all answers together; the command expires then.

    Raises:
        EdgefuseError: A device is not enrolled, or the site's folder cannot be read or written.
        BrokerError: The connection is lost.
    """
    asking: list[tuple[Sealed, str]] = []
    for sealed, answer in send_all(session, seal_actions(folder, devices, name_action(action), action, wait_s), wait_s):
        if isinstance(answer, Answer) and answer.reply.challenge:
            asking.append((sealed, answer.reply.challenge))
        else:
            yield sealed, answer
    for sealed, challenge in asking:  # afterwards, because answers of others would be taken for noise meanwhile
        yield _tell_time(session, folder, sealed, challenge, wait_s)


def _tell_time(session: Session, folder: Path, sealed: Sealed, challenge: str, wait_s: float) -> Result:
    """Tell a device the time and send a command again."""
    device, command, action = sealed.command.device, sealed.command.command, parse_action(sealed.command)
    told = SetClock(challenge=challenge, now=clock.wall_now().isoformat(timespec="milliseconds"))
    try:
        telling = seal_action(folder, device, "set-clock", told, wait_s)
        reply = send(session, telling, wait_s)
        logger.info("told a device the time device=%s outcome=%s", device, reply.reply.outcome)
        if isinstance(action, SetClock) or reply.reply.outcome != "done":
            return telling, reply
        sealed = seal_action(folder, device, command, action, wait_s)
        return sealed, send(session, sealed, wait_s)
    except SilentError as e:
        return sealed, e
