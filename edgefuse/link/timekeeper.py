"""Whether a command has expired, and learning the time from an operator where no network tells it.

    any command ──► refused: no_clock, with a challenge ──► set-clock with that challenge and the time ──► believed

The challenge is random and good for half a minute, so what answers it was signed after it: neither an old statement nor
one that somebody held back moves the clock. The network decides only how late it is, by that half minute at most.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from datetime import datetime

from edgefuse import clock
from edgefuse.link.commands import SetClock
from edgefuse.link.messages import Command
from edgefuse.link.refusal import Fault, RefusedError
from edgefuse.trusted_time import CEILING, FLOOR, TrustedTime, UntrustedClockError

CHALLENGE_S = 30.0


class Timekeeper:
    """Judges commands of one device by the time; used by one thread."""

    def __init__(self, time: TrustedTime, proven_time: str) -> None:
        """Go on with what was proven before, where there is such a time."""
        self._time = time
        self._challenge = ""
        self._asked_ns = 0
        with suppress(ValueError):
            time.remember(clock.parse_iso(proven_time))

    def check_fresh(self, command: Command) -> None:
        """Hold a command against the time.

        Raises:
            RefusedError: It has expired, or what time it is cannot be told.
        """
        try:
            now = self._time.now()
        except UntrustedClockError as e:
            raise _refuse(command, "no_clock", str(e)) from e
        expires_at = _parse(command, "expires_at", command.expires_at)
        if expires_at <= now:
            raise _refuse(command, "expired", f"it expired {(now - expires_at).total_seconds():.0f} s ago")

    def make_challenge(self) -> str:
        """Ask for the time; an older question needs no answer any more."""
        self._challenge, self._asked_ns = secrets.token_hex(16), self._time.monotonic_ns()
        return self._challenge

    def check_statement(self, command: Command, action: SetClock) -> datetime:
        """Give the time that an operator states.

        Raises:
            RefusedError: It does not answer the newest question in time, or states no time that can be.
        """
        is_late = self._time.monotonic_ns() - self._asked_ns > CHALLENGE_S * clock.NS_PER_S
        if (
            not self._challenge
            or is_late
            or not hmac.compare_digest(action.challenge.encode(), self._challenge.encode())
        ):
            raise _refuse(command, "unasked", "it does not answer the newest challenge of this device in time")
        time = _parse(command, "now", action.now)
        if not FLOOR <= time < CEILING:
            raise _refuse(command, "malformed", f"now '{action.now}' cannot be")
        return time

    def believe(self, time: datetime) -> None:
        """Take a time that was checked; its challenge is good no more."""
        self._challenge = ""
        self._time.prove(time)


def _parse(command: Command, name: str, text: str) -> datetime:
    try:
        return clock.parse_iso(text)
    except ValueError as e:
        raise _refuse(command, "malformed", f"{name} '{text[:40]}' is no time with a zone") from e


def _refuse(command: Command, fault: Fault, reason: str) -> RefusedError:
    return RefusedError(fault, reason, command.key_id, command.id)
