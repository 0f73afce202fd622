"""The repository service: gives devices the pieces of published files that they ask for over the broker.

    up/repo/req of any device ──► FairQueue ──► a piece of a file ──► dn/repo/<stream> of that device

It remembers nothing of who asked for what, so many may serve the same folder: brokers of MQTT 5 share requests out
among them. Who asks is told by the topic, which the broker guards, and never by the request.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgefuse import clock
from edgefuse.errors import ConfigError
from edgefuse.fleet.fair_queue import FairQueue
from edgefuse.fleet.line import Alarm, Line, wait
from edgefuse.link.connection import Connection, Note, Opened, Received, Target
from edgefuse.link.topics import CHUNK, CHUNK_REQUEST, PREFIX, make_topic, parse_topic
from edgefuse.ota.chunks import Chunk, Outcome, Request, read_request, write_chunk

logger = logging.getLogger(__name__)

REQUESTS = f"{PREFIX}/+/{CHUNK_REQUEST.name}"
SHARED_REQUESTS = f"$share/edgefuse-repository/{REQUESTS}"
TICK_S = 0.5
"""Bounds how long a stop takes."""
ANSWERS_AT_ONCE = 32
"""Before requests are taken in again."""
COMPLAINT_S = 60.0
"""Requests that are passed over are told of so often."""


def find_published(folder: Path) -> Path:
    """Give the folder that a service can serve.

    Raises:
        ConfigError: Nothing is published there.
    """
    if not (folder / "metadata/timestamp.json").is_file():
        raise ConfigError(f"cannot serve {folder}: nothing is published there (edgefuse release publish {folder})")
    return folder.resolve()


@dataclass(slots=True)
class Counts:
    """Since the start."""

    answered: int = 0
    sent_bytes: int = 0
    refused: int = 0
    """Requests that are none, or one too many, or for what cannot be read."""


class RepositoryService:
    """A component of ``edgefuse fleet serve``."""

    name = "repository"

    def __init__(self, target: Target, folder: Path) -> None:
        """Serve a folder that ``find_published`` gave."""
        self.counts = Counts()
        self._folder = folder
        self._alarm = Alarm()
        self._line = Line(target, self._alarm.ring)
        self._queue = FairQueue()
        self._complaint_ns = 0

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        while not stop.is_set():
            self._turn()
        self._line.close()
        self._alarm.close()
        logger.info("repository stopped %s", self.counts)

    def _turn(self) -> None:
        connection = self._line.connection
        has_work = len(self._queue) > 0 and connection is not None and not connection.wants_to_write()
        readable = wait((self._line,), self._alarm, 0.0 if has_work else TICK_S, is_reading=True)
        _, notes = self._line.step(is_readable=self._line in readable)
        for note in notes:
            self._take(note)
        self._answer_some()

    def _take(self, note: Note) -> None:
        if isinstance(note, Opened) and self._line.connection is not None:
            topic = SHARED_REQUESTS if self._line.can_share else REQUESTS
            self._line.connection.subscribe([topic], CHUNK_REQUEST.qos)
            logger.info("serving folder=%s topic=%s", self._folder, topic)
        elif isinstance(note, Received) and not note.is_retained:
            try:
                device, request = parse_topic(note.topic).device, read_request(note.payload)
            except ValueError as e:
                self._refuse(note.topic, str(e))
                return
            if not self._queue.add(device, request, clock.now_ns()):
                self._refuse(note.topic, "too many requests")

    def _answer_some(self) -> None:
        """Send what the socket takes: paho would hold the rest in memory without bound."""
        connection = self._line.connection
        if connection is None or not connection.is_open:
            return
        for _ in range(min(ANSWERS_AT_ONCE, len(self._queue))):
            if connection.wants_to_write():
                return
            self._answer(connection, *self._queue.take())

    def _answer(self, connection: Connection, device: str, request: Request) -> None:
        chunk = read_piece(self._folder, request)
        topic = make_topic(device, CHUNK, str(request.stream))
        connection.publish(topic, write_chunk(chunk), CHUNK.qos, is_retained=False)
        if chunk.outcome is Outcome.BROKEN:
            self._refuse(topic, f"cannot read {request.place}")
        self.counts.answered += 1
        self.counts.sent_bytes += len(chunk.data)

    def _refuse(self, topic: str, reason: str) -> None:
        self.counts.refused += 1
        now_ns = clock.now_ns()
        if now_ns >= self._complaint_ns:
            self._complaint_ns = now_ns + round(COMPLAINT_S * clock.NS_PER_S)
            logger.warning("request passed over topic=%s reason=%s refused=%d", topic, reason, self.counts.refused)


def read_piece(folder: Path, request: Request) -> Chunk:
    """Give what a published file has at a place, or say why not; no link leads to a file, or out of the folder."""
    outcome, total_bytes, data = Outcome.FOUND, 0, b""
    try:
        if not _is_inside(folder, request.place.rpartition("/")[0]):
            raise FileNotFoundError
        total_bytes, data = _read(f"{folder}/{request.place}", request.offset_bytes, request.length_bytes)
    except (FileNotFoundError, NotADirectoryError):
        outcome = Outcome.ABSENT
    except (OSError, RuntimeError):  # the latter of links in a circle
        outcome = Outcome.BROKEN
    return Chunk(request.stream, request.id, request.offset_bytes, total_bytes, data, outcome)


@lru_cache(maxsize=1024)
def _is_inside(folder: Path, parent: str) -> bool:
    """Tell whether a folder is one of those below, once for all of its files."""
    return (folder / parent).resolve().is_relative_to(folder)


def _read(path: str, offset_bytes: int, length_bytes: int) -> tuple[int, bytes]:
    """Give the size of a file and a piece of it; what is none is not found."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        if e.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise FileNotFoundError from e
        raise
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError
        return status.st_size, os.pread(number, length_bytes, offset_bytes)
    finally:
        os.close(number)
