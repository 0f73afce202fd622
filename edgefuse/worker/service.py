"""The worker as the supervisor's child: it runs what it is told to, tells how it goes, and obeys meanwhile.

main thread      plan ─► open ─► beat, beat, beat … until the run ends
link thread      obeys, and ends the run when the supervisor is gone
orders thread    what takes long: another effect, a snapshot, a release on trial
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence

from edgefuse import clock, ipc
from edgefuse.errors import EdgefuseError
from edgefuse.in_flight import places_of_plan
from edgefuse.planning.board import probe_board
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import make_source
from edgefuse.worker.accelerators import read_temps_c
from edgefuse.worker.beats import LOOK_S, Beats, waiting_beat
from edgefuse.worker.exchange import Exchange, Outfit
from edgefuse.worker.interruption import Interruption
from edgefuse.worker.link import Link
from edgefuse.worker.orders import Orders, request_of
from edgefuse.worker.pausable import PausableSource
from edgefuse.worker.request import check_request
from edgefuse.worker.run import Run, open_run
from edgefuse.worker.signs import SignsOfLife
from edgefuse.worker.snapshot import WatchedSink
from edgefuse.worker.trial import Trial

logger = logging.getLogger(__name__)

FAILED = 2
"""Exit code after ``Failed``."""
GRACE_S = 1.5
"""What a stop leaves to frames that are under way and a source that is being read; the supervisor waits for 2.5 s."""


def serve(link: Link, signs: SignsOfLife, banks: Sequence[memoryview]) -> int:
    """Do what the supervisor at the other end says, and give the exit code.

    Args:
        signs: Ended when the plan is made.
        banks: For breadcrumbs, see ``edgefuse.in_flight``.
    """
    messages = link.receive()
    start = next(messages, None)
    if not isinstance(start, ipc.Start):
        return 0  # the supervisor was gone before it said what to do
    try:
        service = _Service(link, start, signs, banks)
        threading.Thread(target=service.obey_all, args=(messages,), name="link", daemon=True).start()
        with Interruption(service.stop):
            service.run()
    except EdgefuseError as e:
        logger.error("worker ends reason=%s", e)
        link.send(ipc.Failed(reason=str(e)))
        return FAILED
    return 0


class _Service:
    """One run, from the plan to the last frame."""

    def __init__(self, link: Link, start: ipc.Start, signs: SignsOfLife, banks: Sequence[memoryview]) -> None:
        self._link, self._start, self._signs, self._banks = link, start, signs, banks
        self._orders: Orders | None = None
        self._early: list[ipc.Message] = []
        self._ordering = threading.Lock()
        self._run: Run | None = None
        self._source: PausableSource | None = None
        self._is_stopping = False

    def run(self) -> None:
        """Run to the end of the source, or until ``stop``.

        Raises:
            EdgefuseError: What a person must mend.
        """
        steps = Steps()
        start = self._start
        board = probe_board(start.profile, memory_mb=start.memory_mb, crashes=start.crashes, release_id=start.release)
        steps.note("probe")
        job = check_request(request_of(start), board.profile, board.release)
        outfit = Outfit(job, board, board.plan(job.tasks, job.preparing_tasks))
        self._signs.end()
        self._link.send(outfit.announce())
        steps.note("plan")
        self._open_and_run(outfit, steps)

    def obey_all(self, messages: Iterator[ipc.Message]) -> None:
        """Obey until the supervisor says so or is gone; what comes too early is done when everything is open."""
        try:
            for message in messages:
                if isinstance(message, ipc.Stop):
                    return
                with self._ordering:
                    if self._orders is None:
                        self._early.append(message)
                    else:
                        self._orders.obey(message)
        finally:
            self.stop()

    def stop(self) -> None:
        """Deliver what is under way, and end; by force where that takes too long."""
        if self._run is None or self._source is None:
            os._exit(0)  # nothing was begun, and native code that opens a model cannot be interrupted
        if not self._is_stopping:
            self._is_stopping = True
            self._run.loop.stop()
            self._source.let_go()
            deadline = threading.Timer(GRACE_S, _leave)
            deadline.daemon = True
            deadline.start()

    def _open_and_run(self, outfit: Outfit, steps: Steps) -> None:
        job, crumbs = outfit.job, places_of_plan(self._banks[0], outfit.first_place)
        self._source = PausableSource(
            make_source(job.request.source), self._beat_early, is_paused=self._start.is_paused
        )
        sink = WatchedSink(make_sink(job.request.sink))
        with open_run(
            job, outfit.board, outfit.plan, source=self._source, sink=sink, crumbs=crumbs, is_prompt=True
        ) as run:
            steps.note("open")
            exchange = Exchange(run, outfit, self._banks)
            trial = Trial(self._link, run.loop, exchange)
            orders = Orders(self._link, run.loop, self._source, sink, trial)
            beats = Beats(run.loop, self._source, lambda: read_temps_c(exchange.plan))
            stream = run.stream
            self._link.send(ipc.Opened(width_px=stream.width_px, height_px=stream.height_px, startup_s=steps.taken_s))
            self._begin(run, orders)

            def look(_: object) -> None:
                exchange.close_old()
                if trial.look():
                    orders.obey(ipc.GoBack())
                if beats.is_due:
                    self._link.send(beats.make(exchange.effect))

            try:
                run.loop.run(look, LOOK_S)
            finally:
                trial.go_back()
                exchange.close()
            self._link.send(beats.make(exchange.effect))

    def _begin(self, run: Run, orders: Orders) -> None:
        """Obey from now on, first what came before."""
        self._run = run
        with self._ordering:
            self._orders = orders
            for message in self._early:
                orders.obey(message)

    def _beat_early(self) -> None:
        missing = self._source.missing if self._source else ""
        self._link.send(waiting_beat(self._start.point, self._start.effect, missing))


class Steps:
    """How long the steps of the start took."""

    def __init__(self) -> None:
        self._last_ns = clock.now_ns()
        self.taken_s: dict[str, float] = {}

    def note(self, name: str) -> None:
        """End a step."""
        now_ns = clock.now_ns()
        self.taken_s[name] = round((now_ns - self._last_ns) / clock.NS_PER_S, 3)
        self._last_ns = now_ns


def _leave() -> None:
    logger.warning("source or sink does not let go, leaving without it after_s=%.1f", GRACE_S)
    os._exit(0)
