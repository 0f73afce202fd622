"""Which pieces of a file are under way, and what came of them, until the file is whole.

    ask ──► requests        take ◄── chunks, in any order, twice or never        read ──► bytes in order

Nothing here waits or knows a clock. A piece is asked for again when its chunk does not come in time, or when chunks
that were asked for later overtake it. What came too early is held: 32 chunks at most, whatever the file's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edgefuse.ota.chunks import MAX_CHUNK_BYTES, Chunk, Outcome, Request
from edgefuse.ota.pace import MAX_WINDOW, Pace

HELD_BYTES = MAX_WINDOW * MAX_CHUNK_BYTES
"""From the first byte that is missing to the last that is asked for."""
FIRST_PATIENCE = 3
"""So many chunks that were asked for later came first: a piece is lost.

Source:
    RFC 5681, "TCP Congestion Control", 2009, section 3.2.
"""
MAX_REMEMBERED = 8
"""Tries of one piece of which a chunk is still taken; later ones have come and gone."""


@dataclass(slots=True)
class _Piece:
    """A part of the file that is asked for until it comes."""

    offset_bytes: int
    length_bytes: int
    tries: int = 0
    overtaken: int = 0
    sent_ns: dict[int, int] = field(default_factory=dict)
    """When, by the id of each request."""
    id: int = 0
    """Of the newest."""

    @property
    def newest_ns(self) -> int:
        return self.sent_ns[self.id]


class Window:
    """The pieces of one file."""

    def __init__(self, stream: int, place: str, offset_bytes: int, pace: Pace) -> None:
        """Want a file from an offset on, under a number that no other fetch of late has."""
        self._stream, self._place, self._pace = stream, place, pace
        self._begin = self._done = self._next = offset_bytes
        self._total_bytes: int | None = None
        self._next_id = 0
        self._asked: dict[int, _Piece] = {}
        self._lost: dict[int, _Piece] = {}
        self._early: dict[int, bytes] = {}
        self._patience = FIRST_PATIENCE

    @property
    def is_complete(self) -> bool:
        """All of it was read."""
        return self._done == self._total_bytes

    def ask(self, now_ns: int) -> Iterator[Request]:
        """Give what to ask for now."""
        self._give_up_lost(now_ns)
        if not self._has_room:
            return
        while len(self._asked) < self._pace.window and self._pace.free_ns <= now_ns:
            piece = self._choose()
            if piece is None:
                return
            yield self._send(piece, now_ns)

    def find_due_ns(self) -> int | None:
        """Give when there may be more to ask for, should no chunk come before; nothing while only a reader helps."""
        due = [piece.newest_ns + self._pace.find_timeout_ns(piece.tries) for piece in self._asked.values()]
        if self._has_room and (self._lost or self._has_new):
            due.append(self._pace.free_ns)
        return min(due, default=None)

    def take(self, chunk: Chunk, now_ns: int) -> None:
        """Take a chunk in; one that nobody waits for, or of another length than there must be, changes nothing.

        Raises:
            DownloadHTTPError: There is no such file, or it ends before the first byte that was asked for.
            DownloadError: The repository cannot read the file, or it became another one meanwhile.
        """
        piece = self._asked.get(chunk.offset_bytes) or self._lost.get(chunk.offset_bytes)
        if chunk.stream != self._stream or piece is None or chunk.id not in piece.sent_ns:
            return
        self._check(chunk)
        if len(chunk.data) != min(piece.length_bytes, chunk.total_bytes - chunk.offset_bytes):
            return
        self._total_bytes = chunk.total_bytes
        self._asked.pop(chunk.offset_bytes, None)
        self._lost.pop(chunk.offset_bytes, None)
        self._early[chunk.offset_bytes] = chunk.data
        self._note_order(piece, chunk.id)
        self._pace.note_chunk(piece.sent_ns[chunk.id], now_ns)

    def read(self) -> Iterator[bytes]:
        """Give what came in order and was not read yet."""
        while (data := self._early.pop(self._done, None)) is not None:
            self._done += len(data)
            yield data

    def _check(self, chunk: Chunk) -> None:
        if chunk.outcome is Outcome.ABSENT:
            raise DownloadHTTPError(f"the repository has no {self._place}", HTTPStatus.NOT_FOUND)
        if chunk.outcome is Outcome.BROKEN:
            raise DownloadError(f"the repository cannot read {self._place} now")
        if self._total_bytes not in (None, chunk.total_bytes):
            raise DownloadError(f"{self._place} changed meanwhile")
        if 0 < self._begin >= chunk.total_bytes:
            text = f"{self._place} has nothing from byte {self._begin} on"
            raise DownloadHTTPError(text, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)

    def _note_order(self, arrived: _Piece, id: int) -> None:
        """Tell what is late from what is lost; where a chunk comes after all, it takes more to believe that."""
        if id != arrived.id:
            self._patience = min(MAX_WINDOW, self._patience + 1)
        for piece in self._asked.values():
            piece.overtaken += piece.id < id

    def _give_up_lost(self, now_ns: int) -> None:
        for piece in list(self._asked.values()):
            is_late = now_ns - piece.newest_ns >= self._pace.find_timeout_ns(piece.tries)
            if is_late or piece.overtaken >= self._patience:
                self._lost[piece.offset_bytes] = self._asked.pop(piece.offset_bytes)
                self._pace.note_jam(piece.newest_ns, now_ns)

    @property
    def _has_room(self) -> bool:
        """A quarter of the window is free: several requests at once wake everybody on the way once."""
        return len(self._asked) <= self._pace.window * 3 // 4

    @property
    def _has_new(self) -> bool:
        """There is a part that nobody asked for yet; how long the file is, its first piece must tell."""
        if self._total_bytes is None:
            return self._next == self._begin
        return self._next < self._total_bytes and self._next + self._pace.chunk_bytes <= self._done + HELD_BYTES

    def _choose(self) -> _Piece | None:
        if self._lost:
            return self._lost.pop(min(self._lost))
        if not self._has_new:
            return None
        piece = _Piece(self._next, self._pace.chunk_bytes)
        self._next += piece.length_bytes
        return piece

    def _send(self, piece: _Piece, now_ns: int) -> Request:
        piece.id, self._next_id = self._next_id, self._next_id + 1
        piece.tries += 1
        piece.overtaken = 0
        piece.sent_ns[piece.id] = now_ns
        if len(piece.sent_ns) > MAX_REMEMBERED:
            del piece.sent_ns[next(iter(piece.sent_ns))]
        self._asked[piece.offset_bytes] = piece
        self._pace.note_request(piece.length_bytes, now_ns)
        return Request(
            stream=self._stream,
            id=piece.id,
            place=self._place,
            offset_bytes=piece.offset_bytes,
            length_bytes=piece.length_bytes,
        )
