"""Two pipelines on the same frames: what is delivered, what is counted, and what becomes of a bad newcomer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from fakes.streams import FakeSink, FakeSource, FakeStage

from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import RuntimeRunError
from edgefuse.ipc import Compared
from edgefuse.vision.pipeline import NamedStage, Pipeline
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Face, Frame, Packet
from edgefuse.worker import shadow
from edgefuse.worker.loop import Loop
from edgefuse.worker.shadow import COUNTED_FRAMES, REST_FRAMES, TAKE_OVER_FRAMES, WARM_FRAMES, Progress, Shadow
from edgefuse.worker.stage_runner import Spent

LADDER = tuple(OperatingPoint(effect_px=px, detect_px=128, rate_hz=1000.0, detect_every=1) for px in (256, 192))
ROUND_FRAMES = REST_FRAMES + WARM_FRAMES + COUNTED_FRAMES
OLD, NEW = 1, 2
Body = Callable[[Packet], Packet]


def face(x_px: float = 0.0) -> Face:
    return Face(box=np.array((x_px, 0, x_px + 10, 10), np.float32), score=1.0, eyes=np.zeros((2, 2), np.float32))


@dataclass
class Trace:
    """What happened, in order: (frame, old or new), as compose saw it; and whether stages ever met."""

    steps: list[tuple[int, int]]
    busy: threading.Lock
    has_met: bool = False


def make_pipeline(trace: Trace, mark: int, find: Body, compose: Body = lambda packet: packet) -> Pipeline:
    """Make one whose compose draws ``mark`` into what must be the number of the frame."""

    def draw(packet: Packet) -> Packet:
        trace.has_met |= not trace.busy.acquire(blocking=False)
        assert packet.frame.pixels[0, 0, 0] == packet.frame.index % 256
        trace.steps.append((packet.frame.index, mark))
        packet.frame.pixels[0, 0, 1:] = mark
        time.sleep(0)  # let others run meanwhile
        done = compose(packet)
        trace.busy.release()
        return done

    return Pipeline((NamedStage("find", FakeStage(find)),), (NamedStage("compose", FakeStage(draw)),))


@dataclass
class MarkSink(FakeSink):
    """Also keeps whose picture was delivered."""

    def __post_init__(self) -> None:
        self.marks: list[int] = []

    def write(self, frame) -> None:  # type: ignore[no-untyped-def]  # as of the class above
        super().write(frame)
        self.marks.append(int(frame.pixels[0, 0, 1]))


class Duel:
    """A loop with a newcomer."""

    def __init__(self, frames: int, find_old: Body, find_new: Body, compose_new: Body = lambda packet: packet) -> None:
        self.trace = Trace([], threading.Lock())
        source, self.sink = FakeSource(frames), MarkSink()
        old = make_pipeline(self.trace, OLD, find_old)
        self.loop = Loop(source, source.open(), self.sink, old, LADDER)
        self.new = make_pipeline(self.trace, NEW, find_new, compose_new)
        counts = self.loop.counts
        self.shadow = Shadow(
            self.new, self.loop.stream, LADDER, lambda: Progress(counts.frames_in - counts.skipped, counts.frames_out)
        )
        self.loop.shadow = self.shadow

    def run(self) -> list[Compared]:
        """Run to the end, with nothing lost whatever the newcomer does, and give the blocks."""
        self.loop.run(lambda _: None, interval_s=0.01)
        counts, pool = self.loop.counts, self.loop.pool.count()
        assert self.sink.indices == list(range(counts.frames_in))
        assert pool.leased == pool.returned
        assert not self.trace.has_met
        return [self.shadow.blocks.get_nowait() for _ in range(self.shadow.blocks.qsize())]

    def frames_of(self, mark: int) -> list[int]:
        """Give the frames that a pipeline worked on."""
        return [frame for frame, by in self.trace.steps if by == mark]


def see(*faces: Face) -> Body:
    return lambda packet: replace(packet, faces=faces)


def fail(_: Packet) -> Packet:
    raise RuntimeRunError("cannot run model: broken")


def slow(seconds: float) -> Body:
    def body(packet: Packet) -> Packet:
        time.sleep(seconds)
        return packet

    return body


def test_blocks_of_frames_are_shared_and_what_is_delivered_stays_the_old_ones() -> None:
    duel = Duel(2 * ROUND_FRAMES, see(face()), see(face()))
    assert len(duel.run()) == 2
    assert duel.sink.marks == [OLD] * 2 * ROUND_FRAMES
    assert duel.frames_of(OLD) == list(range(2 * ROUND_FRAMES))
    first = list(range(REST_FRAMES, ROUND_FRAMES))
    assert duel.frames_of(NEW) == first + [frame + ROUND_FRAMES for frame in first]


def test_one_goes_first_and_next_time_the_other() -> None:
    duel = Duel(ROUND_FRAMES, see(), see())
    duel.run()
    shared = [mark for frame, mark in duel.trace.steps if frame >= REST_FRAMES]
    assert shared == [OLD, NEW, NEW, OLD] * ((WARM_FRAMES + COUNTED_FRAMES) // 2)


def test_times_and_faces_are_those_of_the_counted_frames() -> None:
    find_new = see(face(2), face(100))
    (block,) = Duel(ROUND_FRAMES, see(face(), face(50)), lambda p: slow(0.005)(find_new(p))).run()
    assert (block.old_faces, block.both_faces) == (2 * COUNTED_FRAMES, COUNTED_FRAMES)
    assert block.new.p95_ms >= block.new.median_ms > max(5, block.old.median_ms)
    assert block.fps <= 1000 / 5 < block.fps_in  # it could not keep up
    assert block.point == 0
    assert block.rss_mb > 0 < block.block_s


def test_work_that_was_put_off_counts() -> None:
    duel = Duel(ROUND_FRAMES, see(), see())
    late = replace(duel.new.find[0], gap=(lambda: time.sleep(0.005) is None,))
    duel.shadow.pipeline = Pipeline((late,), duel.new.compose)
    (block,) = duel.run()
    assert block.new.median_ms > max(5, block.old.median_ms)


def test_what_was_put_off_by_the_old_one_is_done_on_shared_frames_too() -> None:
    duel = Duel(ROUND_FRAMES, see(), see())
    gaps: list[int] = []
    late = replace(duel.loop.pipeline.find[0], gap=(lambda: gaps.append(1) is None,))
    duel.loop.set_pipeline(Pipeline((late,), duel.loop.pipeline.compose))
    duel.run()
    assert len(gaps) == ROUND_FRAMES


def test_a_block_in_which_the_point_changes_is_thrown_away() -> None:
    def change(packet: Packet) -> Packet:
        if packet.frame.index == ROUND_FRAMES - 8:
            duel.loop.set_point(1)
        return packet

    duel = Duel(2 * ROUND_FRAMES, change, see())
    (block,) = duel.run()
    assert block.point == 1
    changed_at = max(frame for frame in duel.frames_of(NEW) if frame < ROUND_FRAMES) + 1
    assert changed_at < ROUND_FRAMES
    assert min(frame for frame in duel.frames_of(NEW) if frame >= ROUND_FRAMES) == changed_at + REST_FRAMES


def test_a_newcomer_whose_model_fails_has_found_nobody() -> None:
    duel = Duel(ROUND_FRAMES, see(face()), fail)
    (block,) = duel.run()
    assert (block.old_faces, block.both_faces) == (COUNTED_FRAMES, 0)
    assert (duel.loop.counts.failures, duel.shadow.failure) == (0, "")


def test_faces_on_frames_on_which_the_old_ones_model_fails_are_nobodys() -> None:
    duel = Duel(ROUND_FRAMES, fail, see(face()))
    (block,) = duel.run()
    assert block.old_faces == block.both_faces == 0
    assert duel.loop.counts.failures == ROUND_FRAMES


@pytest.mark.parametrize("failure", [ValueError("a bug"), RuntimeRunError("broken")], ids=["defect", "model"])
def test_what_would_end_a_run_ends_the_trial_alone(failure: Exception) -> None:
    def die(_: Packet) -> Packet:
        duel.trace.busy.release()
        raise failure

    duel = Duel(2 * ROUND_FRAMES, see(), see(), die)
    assert duel.run() == []
    assert duel.shadow.failure == f"{type(failure).__name__}: {failure}"
    assert duel.frames_of(NEW) == [REST_FRAMES]
    assert duel.sink.marks == [OLD] * 2 * ROUND_FRAMES


def test_a_newcomer_that_keeps_viewers_waiting_ends_with_the_second_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "SLOW_S", 0.2)
    duel = Duel(REST_FRAMES + 8, see(), slow(0.25))
    assert duel.run() == []
    assert re.match(r"it took 0\.\d s for a frame that took the release before 0\.0\d\d s", duel.shadow.failure)
    assert duel.frames_of(NEW) == [REST_FRAMES, REST_FRAMES + 1]


def test_one_slow_frame_is_forgiven_and_so_is_what_was_as_slow_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "SLOW_S", 0.2)
    once = Duel(REST_FRAMES + 2, see(), lambda p: slow(0.25 * (p.frame.index == REST_FRAMES))(p))
    once.run()
    usual = Duel(REST_FRAMES + 2, lambda p: slow(0.03 * (p.frame.index >= REST_FRAMES))(p), slow(0.25))
    usual.run()
    assert once.shadow.failure == usual.shadow.failure == ""


def test_after_its_end_the_newcomer_sees_no_frame() -> None:
    def end(packet: Packet) -> Packet:
        if packet.frame.index == REST_FRAMES + 3:
            ending.start()
        return packet

    duel = Duel(2 * ROUND_FRAMES, see(), end)
    ended_after: list[int] = []
    ending = threading.Thread(target=lambda: (duel.shadow.end(), ended_after.append(len(duel.frames_of(NEW)))))
    duel.run()
    ending.join()
    assert ended_after == [len(duel.frames_of(NEW))]
    assert len(duel.frames_of(NEW)) < WARM_FRAMES + COUNTED_FRAMES


def test_a_frame_that_was_to_be_shared_when_the_trial_ended_is_the_old_ones_alone() -> None:
    duel = Duel(1, see(), see())
    packet = Packet(Frame(np.zeros((8, 12, 3), np.uint8), 0, 0, Buffer(0)), LADDER[0])
    duel.shadow.prepare_to_take_over()
    assert duel.shadow.wants(packet)
    duel.shadow.end()
    assert duel.shadow.share(packet, lambda packet: (packet, Spent(1, 1))) is packet
    assert duel.frames_of(NEW) == []


def test_the_newcomer_has_seen_every_frame_before_the_first_that_it_delivers() -> None:
    taking_over = threading.Thread(target=lambda: (duel.shadow.is_warm.wait(), duel.loop.set_pipeline(duel.new)))

    def ask(packet: Packet) -> Packet:
        if packet.frame.index == 10:
            duel.shadow.prepare_to_take_over()
            taking_over.start()
        return slow(0.001)(packet)

    duel = Duel(ROUND_FRAMES, ask, slow(0.001))
    assert duel.run() == []
    taking_over.join()
    taken_at = duel.sink.marks.index(NEW)
    assert taken_at > 10 + TAKE_OVER_FRAMES
    assert duel.sink.marks == [OLD] * taken_at + [NEW] * (ROUND_FRAMES - taken_at)
    assert duel.frames_of(NEW) == list(range(11, ROUND_FRAMES))
