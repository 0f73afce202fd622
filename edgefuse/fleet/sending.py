"""Sending a command to one device or to many, and waiting for what comes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.session import Session
from edgefuse.fleet.signing import Sealed
from edgefuse.link.messages import BlobChunk, Command, Reply, State, decode
from edgefuse.link.topics import BLOB, COMMAND, PREFIX, REPLY, STATE, Address, make_topic

FILE_SUFFIXES = {"snapshot": ".jpg", "collect-logs": ".txt"}
"""Commands whose answer is a file."""
MAX_BLOB_BYTES = 1_000_000
"""More is never sent by a device."""


class SilentError(EdgefuseError):
    """The device did not reply in time; it may still do what was asked."""


class Answer(msgspec.Struct, frozen=True):
    """What came of a command."""

    reply: Reply
    file: bytes | None = None
    """What was asked for: a picture or logs."""


FollowUp = Callable[[Sealed, Answer | SilentError], Sealed | None]


class Exchange:
    """What came so far for one command, from whatever order and repetition."""

    def __init__(self, device: str, id: str, *, has_file: bool) -> None:
        """Begin with nothing; ``has_file`` for a command whose answer is whole only with a file."""
        self._has_file = has_file
        self._reply_at, self._blob_at = Address(device, REPLY, id), Address(device, BLOB, id)
        self._state_at = Address(device, STATE)
        self._chunks: dict[int, BlobChunk] = {}
        self._reply: Reply | None = None
        self._state: State | None = None

    @property
    def is_offline(self) -> bool:
        """The broker says that the device is away."""
        return self._state is not None and self._state.presence == "offline"

    def take(self, address: Address, payload: bytes) -> None:
        """Take note of a message; what is none of ours, or nonsense, changes nothing."""
        try:
            if address == self._reply_at:
                self._reply = decode(payload, Reply)
            elif address == self._state_at:
                self._state = decode(payload, State)
            elif address == self._blob_at:
                chunk = decode(payload, BlobChunk)
                if 0 <= chunk.offset_bytes < chunk.total_bytes <= MAX_BLOB_BYTES:
                    self._chunks[chunk.offset_bytes] = chunk
        except ValueError:
            return

    @property
    def answer(self) -> Answer | None:
        """Give the answer once it is whole."""
        if self._reply is None:
            return None
        if not self._has_file or self._reply.outcome != "done":
            return Answer(self._reply)
        chunks = [self._chunks[offset] for offset in sorted(self._chunks)]
        data = b"".join(chunk.data for chunk in chunks)
        is_whole = bool(chunks) and hashlib.sha256(data).hexdigest() == chunks[0].sha256
        return Answer(self._reply, data) if is_whole else None


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A command on its way, and until when its answer is awaited."""

    sealed: Sealed
    exchange: Exchange
    end_ns: int


def send_all(
    session: Session, commands: Sequence[Sealed], wait_s: float, follow_up: FollowUp
) -> Iterator[tuple[Sealed, Answer | SilentError]]:
    """Send one command to several devices, and give each answer when it comes and each silence at the end.

    Args:
        session: An operator's connection.
        commands: One for each device, all with one id.
        wait_s: For each answer.
        follow_up: Gives what a device is sent next, because of its answer, which is then not given.

    Raises:
        BrokerError: The connection is lost.
    """
    waiting = dict(_send(session, commands, wait_s))
    while waiting:
        sealed, answer = _take_next(session, waiting)
        if (further := follow_up(sealed, answer)) is not None:
            waiting.update(_send(session, [further], wait_s))
        else:
            yield sealed, answer


def _send(session: Session, commands: Sequence[Sealed], wait_s: float) -> Iterator[tuple[str, _Awaited]]:
    """Send commands that have one id, and give by device what is awaited then."""
    id, has_file = commands[0].command.id, commands[0].command.command in FILE_SUFFIXES
    devices = [sealed.command.device for sealed in commands]
    _listen(session, devices[0] if len(devices) == 1 else "+", id)
    for sealed in commands:
        session.publish(make_topic(sealed.command.device, COMMAND), sealed.envelope)
    end_ns = clock.now_ns() + round(wait_s * clock.NS_PER_S)
    for device, sealed in zip(devices, commands, strict=True):
        yield device, _Awaited(sealed, Exchange(device, id, has_file=has_file), end_ns)


def _take_next(session: Session, waiting: dict[str, _Awaited]) -> tuple[Sealed, Answer | SilentError]:
    """Wait until one is answered or its time is over, and take it out."""
    oldest = next(iter(waiting.values()))  # sent first, so its time is over first
    while (left_ns := oldest.end_ns - clock.now_ns()) > 0:
        heard = session.receive(left_ns / clock.NS_PER_S)
        if heard is None or heard.address.device not in waiting:
            continue
        awaited = waiting[heard.address.device]
        awaited.exchange.take(heard.address, heard.payload)
        if (answer := awaited.exchange.answer) is not None:
            del waiting[heard.address.device]
            return awaited.sealed, answer
    del waiting[oldest.sealed.command.device]
    return oldest.sealed, _make_silence(oldest.sealed.command, is_offline=oldest.exchange.is_offline)


def _listen(session: Session, device: str, id: str) -> None:
    """Ask for the answers to a command, and at QoS 0, as many are asked for, for who is there."""
    session.subscribe([f"{PREFIX}/{device}/{topic.name}/{id}" for topic in (REPLY, BLOB)], qos=1)
    session.subscribe([f"{PREFIX}/{device}/{STATE.name}"], qos=0)


def _make_silence(command: Command, *, is_offline: bool) -> SilentError:
    where = "it is offline" if is_offline else "it does not answer"
    return SilentError(
        f"cannot tell what came of {command.command} on {command.device}: {where}; "
        f"the command expired at {command.expires_at}, send it again"
    )
