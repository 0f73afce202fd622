"""What a device says and hears, over one connection after another: the link without its thread, its disk, its daemon.

    report, events, state ──► Reporter ──► Outbox ──► Dialer ──► broker
            task ◄── Intake ◄──────────────────────────┤
     wish, chunk of a file ◄───────────────────────────┘

Nothing here waits. Whoever owns the conversation calls ``step`` when its socket has something or it is ``due_ns``, and
``flush`` after whatever may have given something to say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edgefuse import clock
from edgefuse.errors import StoreError
from edgefuse.link import topics
from edgefuse.link.commands import Outcome, Watch
from edgefuse.link.connection import Connection, Note, Opened, Protocol, Received, Sent, Target
from edgefuse.link.dialer import Dialer
from edgefuse.link.intake import Intake, Task
from edgefuse.link.messages import Desired, PipelineReport, Reply, SystemReport, decode, encode
from edgefuse.link.outbox import Outbox, Publication
from edgefuse.link.refusal import RefusedError
from edgefuse.link.report import Reporter
from edgefuse.link.spool import Backlog
from edgefuse.link.topics import PREFIX, Topic, make_topic, parse_topic

logger = logging.getLogger(__name__)

TICK_S = 5.0
"""Often enough to keep a connection alive."""
REFUSAL_SAID_S = 60.0
"""One event a minute tells of commands that nobody trusted sent; the audit has them all."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told what was heard; called by the thread of the conversation."""

    begin: Callable[[Task], None]
    """Has a command performed; ``Conversation.finish`` is to be called once that is done."""
    wish: Callable[[Desired], None]
    take_chunk: Callable[[bytes], None]


class Conversation:
    """One device's; used by one thread."""

    def __init__(
        self,
        intake: Intake,
        backlog: Backlog,
        make_target: Callable[[str, bytes], Target],
        wake: Callable[[], None],
        ears: Ears,
        *,
        is_metered: bool,
        wall_iso: Callable[[], str] = clock.wall_iso,
    ) -> None:
        """Take what it is made of; nothing is sent yet.

        Args:
            intake: Of the device's commands.
            backlog: What waits for the broker.
            make_target: Gives whom to connect to, for topic and payload of the last will.
            wake: Called from another thread when there is something to step for.
            ears: Are told what is heard.
            is_metered: Bytes cost money here.
            wall_iso: The device's clock.
        """
        self.device = intake.device
        self.published = 0
        """Messages sent so far, whatever became of them."""
        self.outbox = Outbox(backlog)
        self.reporter = Reporter(backlog, self.outbox, is_metered=is_metered, wall_iso=wall_iso)
        self.dialer = Dialer(self.device, self._make_connection, wake)
        self._intake, self._backlog = intake, backlog
        self._make_target, self._ears, self._wall_iso = make_target, ears, wall_iso
        self._refusal_said_ns = -round(REFUSAL_SAID_S * clock.NS_PER_S)
        self._nonsense = ""
        """Why the newest wish cannot be read; the broker gives it again on every connection."""

    @property
    def due_ns(self) -> int:
        """Give when there is something to do even if nothing comes."""
        if self.dialer.is_open:
            return min(self.reporter.due_ns, clock.now_ns() + round(TICK_S * clock.NS_PER_S))
        return min(self.reporter.due_ns, self.dialer.due_ns)

    def step(self, *, is_readable: bool) -> None:
        """Move the connection on without waiting, and take in what happened on it."""
        for note in self.dialer.step(clock.now_ns(), is_readable=is_readable):
            self._take_note(note)

    def flush(self) -> None:
        """Put events where they are safe, and only then on their way."""
        try:
            self._backlog.sync()
        except StoreError as e:
            logger.warning("events are not safe from a power cut: %s", e)
        if self.dialer.is_open:
            self.outbox.pump(self._publish)

    def send(self, system: SystemReport, pipeline: PipelineReport | None) -> None:
        """Send reports that were due."""
        self.reporter.send(system, pipeline, is_open=self.dialer.is_open)

    def ask_chunk(self, request: bytes) -> None:
        """Pass a request on to the repository; one that cannot leave now is dropped, and comes again."""
        if self.dialer.is_open:
            self.outbox.ask(request, self._publish)

    def finish(self, task: Task, outcome: Outcome) -> None:
        """Reply with what came of a task, and send the file that it asked for."""
        if outcome.file is not None:
            outcome = self._send_file(task.command.id, outcome)
        self._reply(self._intake.finish(task, outcome))

    def drop(self) -> None:
        """Give the connection up."""
        self.dialer.drop(clock.now_ns())

    def show_leaving(self) -> None:
        """Tell, while there is a connection, that the device takes leave."""
        leaving = self.reporter.make_state("offline", since=self._wall_iso())
        self.outbox.retain(topics.STATE, encode(leaving))
        self.flush()

    def close(self) -> None:
        """Take leave, which is no death."""
        if self.dialer.is_open and self.dialer.connection is not None:
            self.dialer.connection.close()
        self.drop()

    def _take_note(self, note: Note) -> None:
        if isinstance(note, Opened):
            assert self.dialer.connection is not None
            self.reporter.show_again(self.dialer.protocol)
            self.outbox.on_open()
            heard = [make_topic(self.device, topic) for topic in (topics.COMMAND, topics.DESIRED)]
            self.dialer.connection.subscribe(heard)
            chunks = f"{PREFIX}/{self.device}/{topics.CHUNK.name}/+"
            self.dialer.connection.subscribe([chunks], topics.CHUNK.qos)
        elif isinstance(note, Sent):
            self.outbox.on_sent(note.mid)
        elif isinstance(note, Received):
            self._take_message(note)
        elif note.cause == "taken_over":
            text = f"another client has this device's id: {note.reason}; keeping away"
            self.reporter.say(self._wall_iso(), "warning", "session_taken", text)

    def _take_message(self, received: Received) -> None:
        """Take a message in; the broker may forget a command once that is on the disk, and also if it is nonsense."""
        try:
            address = parse_topic(received.topic)
            if address.device == self.device:
                self._hear(address.topic, received.payload)
        except ValueError as e:
            logger.warning("message passed over: %s", e)
        finally:
            if self.dialer.connection is not None:
                self.dialer.connection.acknowledge(received)

    def _hear(self, topic: Topic, payload: bytes) -> None:
        if topic is topics.COMMAND:
            self._follow(self._intake.take(payload))
            self._intake.settle()
        elif topic is topics.CHUNK:
            self._ears.take_chunk(payload)
        elif topic is topics.DESIRED and payload:  # nothing is left of a wish that was taken back
            self._take_wish(payload)

    def _take_wish(self, payload: bytes) -> None:
        """Pass a wish on; what is none is told of once, not on every connection."""
        try:
            desired = decode(payload, Desired)
        except ValueError as e:
            if str(e) != self._nonsense:
                self._nonsense = str(e)
                text = f"cannot read which release is desired: {e}; edgefuse fleet update says it again"
                self.reporter.say(self._wall_iso(), "warning", "wish_refused", text)
            return
        self._nonsense = ""
        self._ears.wish(desired)

    def _follow(self, decision: Task | Reply | RefusedError | None) -> None:
        """Begin or say what was decided; what is said leaves with the next ``flush``."""
        if isinstance(decision, Task):
            self._perform(decision)
        elif isinstance(decision, Reply):
            self._reply(decision)
        elif isinstance(decision, RefusedError):
            self._say_refusal(decision)

    def _perform(self, task: Task) -> None:
        if isinstance(task.action, Watch):
            self.reporter.watch(task.action.lease_s)
            self.finish(task, Outcome())
        else:
            self._ears.begin(task)

    def _send_file(self, id: str, outcome: Outcome) -> Outcome:
        """Queue a file for the fleet and delete it."""
        assert outcome.file is not None
        try:
            data = outcome.file.read_bytes()
            outcome.file.unlink()
            self.outbox.post_blob(id, outcome.file_kind, data)
        except (OSError, ValueError) as e:
            return Outcome(is_done=False, reason=f"cannot send the {outcome.file_kind}: {e}")
        return Outcome(result=msgspec.Raw(msgspec.json.encode({"size_bytes": len(data)})))

    def _reply(self, reply: Reply) -> None:
        self.outbox.post(Publication(topics.REPLY, encode(reply), reply.id))

    def _say_refusal(self, refusal: RefusedError) -> None:
        now_ns = clock.now_ns()
        if now_ns - self._refusal_said_ns >= REFUSAL_SAID_S * clock.NS_PER_S:
            self._refusal_said_ns = now_ns
            self.reporter.say(self._wall_iso(), "warning", "command_refused", f"{refusal.fault}: {refusal}")

    def _publish(self, publication: Publication) -> int:
        connection = self.dialer.connection
        assert connection is not None
        topic = publication.topic
        name = make_topic(self.device, topic, publication.tail)
        self.published += 1
        return connection.publish(name, publication.payload, topic.qos, is_retained=topic.is_retained)

    def _make_connection(self, protocol: Protocol) -> Connection:
        will = encode(self.reporter.make_state("offline"))
        return Connection(self._make_target(make_topic(self.device, topics.STATE), will), protocol)
