"""The device's side of the link, in one thread: reports and events out, commands in.

    daemon's loop ── say set_state set_inventory ──► inbox ──► link's thread ──► broker
                  ◄── make_reports perform ── call_soon_threadsafe ──┘  ◄── commands ──┘

What can be slow, disk and network, happens in the link's thread or in one that dials, so the daemon waits for neither;
nothing of the daemon is called but in its own loop.
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
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.config.link import LinkSettings, credentials_dir
from edgefuse.errors import StoreError
from edgefuse.link import topics
from edgefuse.link.audit import Audit
from edgefuse.link.commands import Outcome, Port, Watch
from edgefuse.link.connection import Connection, Note, Opened, Protocol, Received, Sent
from edgefuse.link.dialer import Dialer
from edgefuse.link.intake import Intake, Task
from edgefuse.link.messages import Inventory, Reply, encode
from edgefuse.link.operators import OperatorKeys
from edgefuse.link.outbox import Outbox, Publication
from edgefuse.link.performing import perform
from edgefuse.link.refusal import RefusedError
from edgefuse.link.report import Level, Reporter
from edgefuse.link.spool import Spool
from edgefuse.link.target import make_target
from edgefuse.link.topics import make_topic, parse_topic
from edgefuse.trusted_time import TrustedTime

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""What the daemon says while the disk hangs; more is dropped and counted."""
TICK_S = 5.0
"""Often enough to keep a connection alive."""
LEAVE_S = 1.0
REFUSAL_SAID_S = 60.0
"""One event a minute tells of commands that nobody trusted sent; the audit has them all."""


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
        self._device = settings.device_id
        self._port = port
        self._loop = loop
        self._refusal_said_ns = -round(REFUSAL_SAID_S * clock.NS_PER_S)
        self._inbox: deque[Callable[[], None]] = deque()
        self._dropped = 0
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._settings = settings
        self._dialer = Dialer(self._device, self._make_connection, self._wake)
        make_target(settings, "", b"")  # what cannot work is said now, not in the link's thread
        self._spool = Spool(folder / "spool")
        self._outbox = Outbox(self._spool)
        self._reporter = Reporter(self._spool, self._outbox, is_metered=settings.metered)
        keys = OperatorKeys(credentials_dir(settings) / "operators.json")
        self._intake = Intake(self._device, settings.allow, keys, time, Audit(folder / "audit"))
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
        self._post(lambda: self._reporter.say(at, level, kind, text))

    def set_state(self, release: str, service: str) -> None:
        """Tell the fleet what runs here, and in which state its service is."""
        self._post(lambda: self._reporter.show_state(release, service))

    def set_inventory(self, make: Callable[[], Inventory]) -> None:
        """Tell the fleet what this device is and decided; ``make`` may read files, so the link's thread calls it."""
        self._post(lambda: self._outbox.retain(topics.INVENTORY, encode(make())))

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
            self._dialer.drop(clock.now_ns())
            self._is_stopping.wait(1.0)

    def _turn(self) -> None:
        self._step(self._find_due_ns())
        self._work()
        self._report()
        if not self._inbox:
            self._reporter.say_lost(self._dropped)
        self._flush()

    def _step(self, until_ns: int) -> None:
        """Wait for something to happen on the connection, but not longer than that, and take note of it."""
        is_readable = self._wait(until_ns)
        for note in self._dialer.step(clock.now_ns(), is_readable=is_readable):
            self._take_note(note)

    def _work(self) -> None:
        """Do what was posted so far."""
        for _ in range(len(self._inbox)):
            self._inbox.popleft()()

    def _find_due_ns(self) -> int:
        """Give when there is something to do even if nothing comes."""
        if self._dialer.is_open:
            return min(self._reporter.due_ns, clock.now_ns() + round(TICK_S * clock.NS_PER_S))
        return min(self._reporter.due_ns, self._dialer.due_ns)

    def _wait(self, until_ns: int) -> bool:
        """Wait for the socket or a wake-up, but not longer than that; tell whether the socket has something."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        connection = self._dialer.connection
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

    def _take_note(self, note: Note) -> None:
        if isinstance(note, Opened):
            assert self._dialer.connection is not None
            self._reporter.show_again(self._dialer.protocol)
            self._outbox.on_open()
            self._dialer.connection.subscribe([make_topic(self._device, topics.COMMAND)])
        elif isinstance(note, Sent):
            self._outbox.on_sent(note.mid)
        elif isinstance(note, Received):
            self._take_message(note)
        elif note.cause == "taken_over":
            self.say("warning", "session_taken", f"another client has this device's id: {note.reason}; keeping away")

    def _take_message(self, received: Received) -> None:
        """Take a command in; the broker may forget it once that is on the disk, and also if it is nonsense."""
        decision = None
        try:
            address = parse_topic(received.topic)
            if address.topic is topics.COMMAND and address.device == self._device:
                decision = self._intake.take(received.payload)
        except ValueError as e:
            logger.warning("message passed over: %s", e)
        finally:
            if self._dialer.connection is not None:
                self._dialer.connection.acknowledge(received)
        if isinstance(decision, Task):
            self._begin(decision)
        elif isinstance(decision, Reply):
            self._reply(decision)
        elif isinstance(decision, RefusedError):
            self._say_refusal(decision)

    def _begin(self, task: Task) -> None:
        if isinstance(task.action, Watch):
            self._reporter.watch(task.action.lease_s)
            self._reply(self._intake.finish(task, Outcome()))
            return
        with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
            future = asyncio.run_coroutine_threadsafe(perform(self._port, task.action), self._loop)
            future.add_done_callback(lambda done: self._post(lambda: self._finish(task, done)))

    def _finish(self, task: Task, done: Future[Outcome]) -> None:
        outcome = Outcome(is_done=False, reason="edgefuse stopped") if done.cancelled() else done.result()
        if outcome.file is not None:
            outcome = self._send_file(task.command.id, outcome, outcome.file)
        self._reply(self._intake.finish(task, outcome))

    def _send_file(self, id: str, outcome: Outcome, path: Path) -> Outcome:
        """Queue a file for the fleet and delete it."""
        try:
            data = path.read_bytes()
            path.unlink()
            self._outbox.post_blob(id, outcome.file_kind, data)
        except (OSError, ValueError) as e:
            return Outcome(is_done=False, reason=f"cannot send the {outcome.file_kind}: {e}")
        return Outcome(result=msgspec.Raw(msgspec.json.encode({"size_bytes": len(data)})))

    def _reply(self, reply: Reply) -> None:
        self._outbox.post(Publication(topics.REPLY, encode(reply), reply.id))

    def _say_refusal(self, refusal: RefusedError) -> None:
        now_ns = clock.now_ns()
        if now_ns - self._refusal_said_ns >= REFUSAL_SAID_S * clock.NS_PER_S:
            self._refusal_said_ns = now_ns
            self.say("warning", "command_refused", f"{refusal.fault}: {refusal}")

    def _report(self) -> None:
        """Ask the daemon for reports when they are due."""
        n = self._reporter.next_report()
        if n is not None:
            with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
                self._loop.call_soon_threadsafe(self._make_reports, n)

    def _make_reports(self, n: int) -> None:
        """Runs in the daemon's loop."""
        system, pipeline = self._port.make_reports(n)
        self._post(lambda: self._reporter.send(system, pipeline, is_open=self._dialer.is_open))

    def _flush(self) -> None:
        """Put events on the disk, and only then on their way."""
        try:
            self._spool.sync()
        except StoreError as e:
            logger.warning("events are not safe from a power cut: %s", e)
        if self._dialer.is_open:
            self._outbox.pump(self._publish)

    def _publish(self, publication: Publication) -> int:
        connection = self._dialer.connection
        assert connection is not None
        topic = publication.topic
        name = make_topic(self._device, topic, publication.tail)
        return connection.publish(name, publication.payload, topic.qos, is_retained=topic.is_retained)

    def _make_connection(self, protocol: Protocol) -> Connection:
        will = encode(self._reporter.make_state("offline"))
        return Connection(make_target(self._settings, make_topic(self._device, topics.STATE), will), protocol)

    def _take_leave(self) -> None:
        """Do what was still to be done, and say good-bye, which is no death."""
        self._work()
        if self._dialer.is_open:
            self._outbox.retain(topics.STATE, encode(self._reporter.make_state("offline")))
            self._flush()
            self._await_acknowledgements()
        if self._dialer.is_open and self._dialer.connection is not None:
            self._dialer.connection.close()

    def _await_acknowledgements(self) -> None:
        """Wait a moment for the broker: a socket closed with unread bytes takes back what was just sent."""
        end_ns = clock.now_ns() + round(LEAVE_S * clock.NS_PER_S)
        while self._dialer.is_open and self._outbox.is_awaited and clock.now_ns() < end_ns:
            self._step(end_ns)

    def _close(self) -> None:
        self._dialer.drop(clock.now_ns())
        self._spool.close()
        self._intake.audit.close()
        self._waking.close()
        self._woken.close()
