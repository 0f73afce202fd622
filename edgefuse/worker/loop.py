"""The threads of a pipeline: capture → find → compose → deliver, joined by mailboxes.

    capture ──mailbox── find ──mailbox── compose ──mailbox── deliver

A live stream keeps only the newest frame before find, and find takes it when at most one other is still on its way to
the sink. Two frames under way are at most two frame periods of latency (Little's law), whichever step is the slow one,
and no work is done on a frame that is then dropped; every displaced frame is counted. From file to file nothing is
dropped: the mailboxes wait, and hold several frames, so that one that takes long in one step does not idle the next.
Order is kept in both.

Between two frames, when it has handed one on, find does what the frame did not have to wait for (``StageContext.gap``).

Where another pipeline is on trial, some frames are shared with it: find waits until compose has nothing to do, and lets
both pipelines do everything (``edgefuse.worker.shadow``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from edgefuse import clock
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.pipeline import Pipeline
from edgefuse.vision.pool import Buffer, BufferPool
from edgefuse.vision.sink import Sink
from edgefuse.vision.source import Capture, Source, StreamFormat
from edgefuse.vision.types import Frame, Packet
from edgefuse.worker.histogram import Histogram
from edgefuse.worker.mailbox import Mailbox
from edgefuse.worker.pace import Player, RateLimiter
from edgefuse.worker.shadow import Shadow
from edgefuse.worker.stage_runner import StageRunner
from edgefuse.worker.turnstile import Turnstile

logger = logging.getLogger(__name__)

BUFFERS = 8  # four threads and three mailboxes hold one each, and one is free so that capture never waits
FILE_PLACES = 2
"""Frames that wait before find, and before compose, from file to file. The pool bounds both together; with 1, a search
of three frame periods made compose wait for two."""
LIVE_FRAMES = 2
"""Frames of a live stream between find and sink. With 3, latency under overload exceeds three frame periods; with 1,
find and compose would take turns on one core."""
_RETRY_FIRST_S = 0.5  # back-off for a source that went away: doubled up to the longest
_RETRY_LONGEST_S = 5.0


@dataclass(slots=True)
class Counts:
    """What happened so far; each number is written by one thread only."""

    frames_in: int = 0
    frames_out: int = 0
    skipped: int = 0
    dropped: int = 0
    """Frames that a newer one displaced."""
    failures: int = 0
    source_losses: int = 0
    faces: int = 0
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    packet: Packet
    begun_ns: int
    """From here on its latency counts."""
    pipeline: Pipeline
    """The one that was in force when its frame was captured, to the end."""
    is_composed: bool = False
    """Nothing is left to do but to deliver it."""


@dataclass
class Loop:
    """One run of a pipeline from an opened source to an opened sink."""

    source: Source
    stream: StreamFormat
    sink: Sink
    pipeline: Pipeline
    ladder: tuple[OperatingPoint, ...]
    point: int = 0
    is_paced: bool = False
    """Play a file as if it were a camera."""
    frames: int | None = None
    """Stop after so many frames of the source."""
    counts: Counts = field(default_factory=Counts, init=False)
    latency: Histogram = field(default_factory=Histogram, init=False)
    shadow: Shadow | None = field(default=None, init=False)
    """What is compared with the pipeline; to be ended before it is taken away."""

    def __post_init__(self) -> None:
        self.is_lossless = not (self.stream.is_live or self.is_paced)
        self.pool = BufferPool(BUFFERS, self.stream.height_px, self.stream.width_px)
        places = FILE_PLACES if self.is_lossless else 1
        self._to_find = Mailbox[_Job](is_lossless=self.is_lossless, places=places)
        self._to_compose = Mailbox[_Job](is_lossless=True, places=places)
        self._to_deliver = Mailbox[_Job](is_lossless=True)
        self._under_way = Turnstile(BUFFERS if self.is_lossless else LIVE_FRAMES)
        self._is_stopping = threading.Event()
        self._failure: BaseException | None = None
        self._stages = StageRunner()
        self._stages.add(("capture", *self.pipeline.stage_names, "deliver"))
        self.delivered_by: Pipeline | None = None
        """The pipeline of the newest frame that was delivered."""

    @property
    def stage_times(self) -> Mapping[str, Histogram]:
        """What the stages take; ``capture`` and ``deliver`` are source and sink."""
        return self._stages.times

    @property
    def newest_in_use(self) -> Pipeline | None:
        """The pipeline of the newest delivered frame, or of the next where none is under way; older ones are done."""
        pipeline, counts = self.pipeline, self.counts
        done = counts.frames_out + counts.dropped + counts.skipped
        return pipeline if done == counts.frames_in else self.delivered_by  # frames_in is read last, so none was missed

    def set_point(self, point: int) -> None:
        """Take another operating point from the next captured frame on."""
        self.point = point

    def set_pipeline(self, pipeline: Pipeline) -> None:
        """Take another pipeline from the next captured frame on; frames under way end in the one they began in."""
        self._stages.add(pipeline.stage_names)
        self.pipeline = pipeline

    def stop(self) -> None:
        """End the run after the frames that are under way."""
        self._is_stopping.set()

    def run(self, on_progress: Callable[[Counts], None], interval_s: float = 0.2) -> None:
        """Run until the source ends or ``stop``; the sink is closed afterwards, the source too.

        Raises:
            EdgefuseError: What the first thread that failed could not mend.
        """
        bodies = (self._capture, self._find, self._compose, self._deliver)
        threads = [threading.Thread(target=self._guard, args=(b,), name=b.__name__.strip("_")) for b in bodies]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            threads[-1].join(interval_s)
            on_progress(self.counts)
        self._drain()
        if self._failure is not None:
            raise self._failure

    def _guard(self, body: Callable[[], None]) -> None:
        """Run a thread's body; whatever ends it early ends the run, and ``run`` raises it.

        Each body closes the mailboxes at both its ends: those before it stop, those after it finish what they have.
        """
        try:
            body()
        except BaseException as e:
            self._failure = self._failure or e
            self._is_stopping.set()
            self._under_way.open()

    def _capture(self) -> None:
        player, limiter = Player(self._is_stopping), RateLimiter()
        # A live source is waited for; its work is what this thread computes meanwhile.
        work_ns = time.thread_time_ns if self.stream.is_live else clock.now_ns
        try:
            while not self._is_stopping.is_set() and self.counts.frames_in != self.frames:
                buffer = self.pool.lease()
                start_ns, worked_ns = clock.now_ns(), work_ns()
                capture = self._read(buffer)
                if capture is None:
                    self.pool.give_back(buffer)
                    return
                self.stage_times["capture"].add(work_ns() - worked_ns)
                self._check_size("went over to", capture.pixels.shape[1], capture.pixels.shape[0])
                captured_ns = player.wait_until(capture.captured_ns) if self.is_paced else capture.captured_ns
                point = self.ladder[self.point]
                frame = Frame(capture.pixels, self.counts.frames_in, captured_ns, buffer)
                self.counts.frames_in += 1
                if self.is_lossless or limiter.admits(captured_ns, point.rate_hz):
                    # To be read, a frame of a file is asked for; a live one comes by itself.
                    job = _Job(Packet(frame, point), start_ns if self.is_lossless else captured_ns, self.pipeline)
                    self.counts.dropped += self._hand_over(self._to_find, job)
                else:
                    self.counts.skipped += 1
                    self.pool.give_back(buffer)
        finally:
            self.source.close()
            self._to_find.close()

    def _read(self, buffer: Buffer) -> Capture | None:
        """Read a frame; a live source that went away is waited for."""
        wait_s = _RETRY_FIRST_S
        while not self._is_stopping.is_set():
            try:
                return self.source.read(buffer)
            except SourceGoneError as e:
                self.counts.source_losses += 1
                logger.warning("source went away, waiting for it reason=%s", e)
            while not self._is_stopping.wait(wait_s) and not self._reopen():
                wait_s = min(2 * wait_s, _RETRY_LONGEST_S)
        return None

    def _reopen(self) -> bool:
        self.source.close()
        try:
            stream = self.source.open()
        except SourceGoneError:
            return False
        self._check_size("came back with", stream.width_px, stream.height_px)
        logger.info("source is back width_px=%d height_px=%d", stream.width_px, stream.height_px)
        return True

    def _check_size(self, does: str, width_px: int, height_px: int) -> None:
        """Refuse what no stage or sink has room for; a buffer alone would hold a picture that was only turned."""
        if width_px > self.stream.width_px or height_px > self.stream.height_px:
            raise SourceError(
                f"cannot go on: the source {does} {width_px}x{height_px} pixels, "
                f"more than the {self.stream.width_px}x{self.stream.height_px} that were prepared; start again"
            )

    def _find(self) -> None:
        try:
            for job in iter(self._take_newest, None):
                shadow = self.shadow
                if shadow is not None and job.pipeline is not shadow.pipeline and shadow.wants(job.packet):
                    self._share(shadow, job)
                else:
                    packet = self._stages.find(job.pipeline, job.packet)
                    self._hand_over(self._to_compose, replace(job, packet=packet))
                    self._stages.use_gap(job.pipeline)
                self.counts.failures = self._stages.failures
        finally:
            self._to_find.close()
            self._to_compose.close()

    def _share(self, shadow: Shadow, job: _Job) -> None:
        """Let two pipelines work on a frame in this thread; compose only hands it on."""
        self._to_compose.rest()
        packet = shadow.share(job.packet, partial(self._stages.run_whole, job.pipeline))
        self._hand_over(self._to_compose, replace(job, packet=packet, is_composed=True))

    def _take_newest(self) -> _Job | None:
        """Wait for room first and for a frame then, so that it is taken as late as can be."""
        self._under_way.enter()
        return self._to_find.take()

    def _compose(self) -> None:
        try:
            for job in iter(self._to_compose.take, None):
                packet = job.packet if job.is_composed else self._stages.compose(job.pipeline, job.packet)
                self._hand_over(self._to_deliver, replace(job, packet=packet))
        finally:
            self._to_compose.close()
            self._to_deliver.close()

    def _deliver(self) -> None:
        try:
            for job in iter(self._to_deliver.take, None):
                start_ns = clock.now_ns()
                self.sink.write(job.packet.frame)
                end_ns = clock.now_ns()
                self.stage_times["deliver"].add(end_ns - start_ns)
                self.latency.add(end_ns - job.begun_ns)
                self.counts.faces += len(job.packet.faces)
                self.counts.passed_over += job.packet.passed_over
                self.counts.frames_out += 1
                self.delivered_by = job.pipeline
                self.pool.give_back(job.packet.frame.buffer)
                self._under_way.leave()
        finally:
            self._to_deliver.close()
            self.sink.close()

    def _hand_over(self, mailbox: Mailbox[_Job], job: _Job) -> int:
        """Put a job and return the buffer of the one that nobody will take; gives how many were dropped."""
        displaced = mailbox.put(job)
        if displaced is None:
            return 0
        self.pool.give_back(displaced.packet.frame.buffer)
        return 1

    def _drain(self) -> None:
        """Return the buffers of what was still under way when a run failed."""
        for mailbox in (self._to_find, self._to_compose, self._to_deliver):
            while (job := mailbox.take()) is not None:
                self.pool.give_back(job.packet.frame.buffer)
