"""The device's side of the link, in one thread: reports and events out, commands in.

    daemon's loop ── say set_… request_chunk ──► inbox ──► link's thread ──► broker
                  ◄── make_reports perform wish take_chunk ──────────────────┘  ◄── commands … ──┘

What can be slow, disk and network, happens in the link's thread or in one that dials, so the daemon waits for neither;
nothing of the daemon is called but in its own loop. What is said and heard is ``conversation.py``'s.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from edgefuse import clock
from edgefuse.config.link import LinkSettings, credentials_dir
from edgefuse.link import topics
from edgefuse.link.audit import Audit
from edgefuse.link.commands import Outcome, Port
from edgefuse.link.conversation import Conversation, Ears
from edgefuse.link.handover import Handover
from edgefuse.link.intake import Intake, Task
from edgefuse.link.messages import Deployment, Desired, Inventory, encode
from edgefuse.link.operators import OperatorKeys
from edgefuse.link.performing import perform
from edgefuse.link.report import Level
from edgefuse.link.spool import Spool
from edgefuse.link.target import make_target
from edgefuse.trusted_time import TrustedTime

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""What the daemon says while the disk hangs; more is dropped and counted."""
MAX_DEPLOYMENTS = 16
"""Reports likewise; the newest stay."""
LEAVE_S = 1.0


class Link:
    """One device's link; its methods may be called from any thread and never wait."""

    def __init__(
        self, settings: LinkSettings, folder: Path, port: Port, loop: asyncio.AbstractEventLoop, time: TrustedTime
    ) -> None:
        """Open spool and audit below ``folder``; nothing is sent before ``start``.

        Raises:
            ConfigError: The broker's address or the credentials do not work.
            StoreError: The folder cannot be read or written.
        """
        self._port = port
        self._loop = loop
        self._inbox: deque[Callable[[], None]] = deque()
        self._dropped = 0
        self._deployments: deque[Deployment] = deque(maxlen=MAX_DEPLOYMENTS)
        self._handover = Handover(loop, port.take_chunk)
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        make_target(settings, "", b"")  # what cannot work is said now, not in the link's thread
        self._spool = Spool(folder / "spool")
        self._audit = Audit(folder / "audit")
        keys = OperatorKeys(credentials_dir(settings) / "operators.json")
        self._talk = Conversation(
            Intake(settings.device_id, settings.allow, keys, time, self._audit),
            self._spool,
            partial(make_target, settings),
            self._wake,
            Ears(self._begin, self._wish, self._handover.bring),
            is_metered=settings.metered,
        )
        self._waking, self._woken = socket.socketpair()
        self._waking.setblocking(False)
        self._woken.setblocking(False)

    def start(self) -> None:
        """Begin to connect, report and take commands."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Take leave of the broker and put everything on the disk."""
        self._is_stopping.set()
        self._wake()
        self._thread.join(timeout_s)

    def say(self, level: Level, kind: str, text: str) -> None:
        """Tell the fleet what happened, now or when there is a broker again."""
        at = clock.wall_iso()
        self._post(lambda: self._talk.reporter.say(at, level, kind, text))

    def set_state(self, release: str, service: str) -> None:
        """Tell the fleet what runs here, and in which state its service is."""
        self._post(lambda: self._talk.reporter.show_state(release, service))

    def set_inventory(self, make: Callable[[], Inventory]) -> None:
        """Tell the fleet what this device is and decided; ``make`` may read files, so the link's thread calls it."""
        self._post(lambda: self._talk.outbox.retain(topics.INVENTORY, encode(make())))

    def set_deployment(self, deployment: Deployment) -> None:
        """Tell the fleet how the newest deployment stands; one with an older ``seq`` than before is not told."""
        self._deployments.append(deployment)  # not to the inbox, which may be full: nobody says again how it ended
        self._wake()

    def request_chunk(self, payload: bytes) -> None:
        """Pass a request on to the repository; it is dropped while there is no connection, so it must come again."""
        self._handover.ask(payload)
        self._wake()

    def _post(self, job: Callable[[], None]) -> None:
        """Have the link's thread do something."""
        if len(self._inbox) >= MAX_WAITING:
            self._dropped += 1
            return
        self._inbox.append(job)
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):  # enough wake-ups wait already, or the thread is gone
            self._waking.send(b"\0")

    def _run(self) -> None:
        """Work until stopped."""
        while not self._is_stopping.is_set():
            self._guard(self._turn)
        self._guard(self._take_leave)
        self._close()

    def _guard(self, step: Callable[[], None]) -> None:
        """Let whatever goes wrong cost a connection, never the thread."""
        try:
            step()
        except Exception:
            logger.exception("link stumbled")
            self._talk.drop()
            self._is_stopping.wait(1.0)

    def _turn(self) -> None:
        self._step(self._talk.due_ns)
        self._work()
        self._report()
        if not self._inbox:
            self._talk.reporter.say_lost(self._dropped)
        self._talk.flush()

    def _step(self, until_ns: int) -> None:
        """Wait for something to happen on the connection, but not longer than that, and take note of it."""
        self._talk.step(is_readable=self._wait(until_ns))

    def _work(self) -> None:
        """Do what was posted so far."""
        self._handover.take_requests(self._talk.ask_chunk)
        while self._deployments:
            self._talk.reporter.show_deployment(self._deployments.popleft())
        for _ in range(len(self._inbox)):
            self._inbox.popleft()()

    def _wait(self, until_ns: int) -> bool:
        """Wait for the socket or a wake-up, but not longer than that; tell whether the socket has something."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        connection = self._talk.dialer.connection
        sock = connection.socket() if connection else None
        if connection and sock:
            poll.register(sock, select.POLLIN | (select.POLLOUT if connection.wants_to_write() else 0))
        has_work = self._inbox or (connection and connection.has_news())
        wait_ms = 0 if has_work else max(0, until_ns - clock.now_ns()) // 1_000_000 + 1
        ready = {descriptor for descriptor, _ in poll.poll(wait_ms)}
        if self._woken.fileno() in ready:
            with suppress(BlockingIOError):
                self._woken.recv(4096)
        return sock is not None and sock.fileno() in ready

    def _begin(self, task: Task) -> None:
        with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
            future = asyncio.run_coroutine_threadsafe(perform(self._port, task.action), self._loop)
            future.add_done_callback(lambda done: self._post(lambda: self._finish(task, done)))

    def _wish(self, desired: Desired) -> None:
        with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
            self._loop.call_soon_threadsafe(self._port.wish, desired)

    def _finish(self, task: Task, done: Future[Outcome]) -> None:
        is_cancelled = done.cancelled()
        self._talk.finish(task, Outcome(is_done=False, reason="edgefuse stopped") if is_cancelled else done.result())

    def _report(self) -> None:
        """Ask the daemon for reports when they are due."""
        n = self._talk.reporter.next_report()
        if n is not None:
            with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
                self._loop.call_soon_threadsafe(self._make_reports, n)

    def _make_reports(self, n: int) -> None:
        """Runs in the daemon's loop."""
        system, pipeline = self._port.make_reports(n)
        self._post(lambda: self._talk.send(system, pipeline))

    def _take_leave(self) -> None:
        """Do what was still to be done, and say good-bye."""
        self._work()
        if self._talk.dialer.is_open:
            self._talk.show_leaving()
            self._await_acknowledgements()

    def _await_acknowledgements(self) -> None:
        """Wait a moment for the broker: a socket closed with unread bytes takes back what was just sent."""
        end_ns = clock.now_ns() + round(LEAVE_S * clock.NS_PER_S)
        while self._talk.dialer.is_open and self._talk.outbox.is_awaited and clock.now_ns() < end_ns:
            self._step(end_ns)

    def _close(self) -> None:
        self._talk.close()
        self._spool.close()
        self._audit.close()
        self._waking.close()
        self._woken.close()
