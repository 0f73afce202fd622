"""All simulated devices in one thread: whose socket has something, or who is due, gets a turn.

makers ── one each 1/rate s ──► devices ◄── turn ── epoll, times, wake-ups from threads that dial
                                   └── leave, as slowly as they came ──► over
"""

from __future__ import annotations

import heapq
import logging
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from edgefuse import clock
from edgefuse.fleet.simulation.device import Device

logger = logging.getLogger(__name__)

Maker = Callable[[Callable[[], None]], Device]
"""Makes a device, which is to call that, from any thread, to get a turn."""

_NONE = -1
_NEVER_NS = 1 << 62


@dataclass(slots=True, eq=False)
class _Seat:
    """What is known of a device while it waits."""

    number: int
    device: Device
    descriptor: int = _NONE
    mask: int = 0
    planned_ns: int = _NEVER_NS
    """Its first time in the heap."""


class Crowd:
    """Used by one thread."""

    def __init__(self, makers: Iterator[Maker], rate_hz: float) -> None:
        """Take what makes the devices, and how many come, and leave, a second."""
        self._makers: Iterator[Maker] | None = makers
        self._leaving: Iterator[_Seat] | None = None
        self._pause_ns = round(clock.NS_PER_S / rate_hz)
        self._next_ns = clock.now_ns()
        """When the next device comes, or leaves."""
        self._seats: list[_Seat] = []
        self._gone = 0
        self._by_descriptor: dict[int, _Seat] = {}
        self._times: list[tuple[int, int]] = []
        """Times and seats' numbers, a heap."""
        self._woken: deque[int] = deque()
        self._woken_end, self._waking_end = socket.socketpair()
        self._poll = select.epoll()
        for end in (self._woken_end, self._waking_end):
            end.setblocking(False)
        self._poll.register(self._woken_end, select.EPOLLIN)

    @property
    def devices(self) -> list[Device]:
        """Give those that came so far."""
        return [seat.device for seat in self._seats]

    @property
    def is_whole(self) -> bool:
        """All came."""
        return self._makers is None

    @property
    def is_over(self) -> bool:
        """All that came have left."""
        return self._leaving is not None and self._gone == len(self._seats)

    def step(self, timeout_s: float) -> None:
        """Wait for something to happen, but not longer than that, and give turns to all that have something to do."""
        for descriptor, mask in self._poll.poll(self._wait_s(timeout_s)):
            if seat := self._by_descriptor.get(descriptor):
                self._turn(seat, is_readable=bool(mask & ~select.EPOLLOUT))
            elif descriptor == self._woken_end.fileno():
                self._woken_end.recv(4096)
        for _ in range(len(self._woken)):
            self._turn(self._seats[self._woken.popleft()])
        while self._times and self._times[0][0] <= clock.now_ns():
            due_ns, number = heapq.heappop(self._times)
            if self._seats[number].planned_ns == due_ns:
                self._seats[number].planned_ns = _NEVER_NS
                self._turn(self._seats[number])
        self._admit_or_dismiss()

    def leave(self) -> None:
        """Let all devices leave, from now on and one after the other; no more come."""
        self._makers, self._leaving = None, iter(self._seats)
        self._next_ns = clock.now_ns()

    def close(self) -> None:
        """Lose what is still connected."""
        for seat in self._seats:
            seat.device.drop()
        self._poll.close()
        self._woken_end.close()
        self._waking_end.close()

    def _wait_s(self, timeout_s: float) -> float:
        until_ns = min(
            self._times[0][0] if self._times else _NEVER_NS,
            _NEVER_NS if self._makers is None and self._leaving is None else self._next_ns,
        )
        return max(0.0, min(timeout_s, (until_ns - clock.now_ns()) / clock.NS_PER_S))

    def _admit_or_dismiss(self) -> None:
        """Let one device come, or one leave, if it is time; what the machine cannot keep up with is not caught up."""
        now_ns = clock.now_ns()
        if now_ns < self._next_ns:
            return
        self._next_ns = max(self._next_ns + self._pause_ns, now_ns)
        if self._makers is not None:
            self._admit(next(self._makers, None))
        elif self._leaving is not None and (seat := next(self._leaving, None)):
            seat.device.leave()
            self._turn(seat)

    def _admit(self, make: Maker | None) -> None:
        if make is None:
            self._makers = None
            return
        number = len(self._seats)
        seat = _Seat(number, make(partial(self._wake, number)))
        self._seats.append(seat)
        self._turn(seat)

    def _wake(self, number: int) -> None:
        """Runs in threads that dial."""
        self._woken.append(number)
        with suppress(OSError):  # enough wake-ups wait already, or the end has come
            self._waking_end.send(b"\0")

    def _turn(self, seat: _Seat, *, is_readable: bool = False) -> None:
        if seat.device.is_over:
            return
        try:
            seat.device.turn(is_readable=is_readable)
        except Exception:  # as in the real link: whatever goes wrong costs a connection, nothing else
            logger.exception("device stumbled")
            seat.device.drop()
        self._gone += seat.device.is_over
        self._watch(seat)
        self._plan(seat)

    def _watch(self, seat: _Seat) -> None:
        """Wait on the socket that the device has now."""
        connection = seat.device.connection
        sock = connection.socket() if connection else None
        descriptor = sock.fileno() if sock else _NONE
        mask = select.EPOLLIN | (select.EPOLLOUT if connection and connection.wants_to_write() else 0)
        if descriptor != seat.descriptor:
            self._unwatch(seat)
            if descriptor != _NONE:
                self._by_descriptor[descriptor] = seat
                self._poll.register(descriptor, mask)
        elif descriptor != _NONE and mask != seat.mask:
            self._poll.modify(descriptor, mask)
        seat.descriptor, seat.mask = descriptor, mask

    def _unwatch(self, seat: _Seat) -> None:
        """Forget a socket that was closed; its number may be another device's by now."""
        if self._by_descriptor.get(seat.descriptor) is seat:
            del self._by_descriptor[seat.descriptor]
            with suppress(OSError):
                self._poll.unregister(seat.descriptor)

    def _plan(self, seat: _Seat) -> None:
        """Have a turn for the device when it is due; a time that was too early only costs a turn."""
        if (due_ns := seat.device.due_ns) < seat.planned_ns and not seat.device.is_over:
            seat.planned_ns = due_ns
            heapq.heappush(self._times, (due_ns, seat.number))
