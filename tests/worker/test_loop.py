import dataclasses
import threading

import pytest
from fakes.streams import FakeSink, FakeSource, FakeStage, sleeping

from edgefuse import clock
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import RuntimeRunError, SinkError, SourceError, SourceGoneError
from edgefuse.vision.pipeline import NamedStage, Pipeline
from edgefuse.vision.stage import GapWork
from edgefuse.vision.types import Packet, Search
from edgefuse.worker import loop as loop_module
from edgefuse.worker.loop import BUFFERS, FILE_PLACES, Loop

LADDER = tuple(
    OperatingPoint(effect_px=px, detect_px=128, rate_hz=rate_hz, detect_every=1)
    for px, rate_hz in ((256, 1000.0), (192, 1000.0), (128, 10.0))
)


def make_loop(
    source: FakeSource,
    sink: FakeSink,
    find: FakeStage | None = None,
    compose: FakeStage | None = None,
    *,
    point: int = 0,
    is_paced: bool = False,
    gap: tuple[GapWork, ...] = (),
) -> Loop:
    found = NamedStage("find", find or FakeStage(), gap)
    pipeline = Pipeline((found,), (NamedStage("compose", compose or FakeStage()),))
    return Loop(source, source.open(), sink, pipeline, LADDER, point, is_paced)


def run(loop: Loop) -> None:
    loop.run(lambda _: None, interval_s=0.01)


def assert_balance(loop: Loop) -> None:
    counts, pool = loop.counts, loop.pool.count()
    assert counts.frames_in == counts.frames_out + counts.dropped + counts.skipped
    assert pool.leased == pool.returned
    assert pool.peak <= BUFFERS


@pytest.fixture(autouse=True)
def short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "_RETRY_FIRST_S", 0.01)


def test_file_to_file_loses_no_frame_and_keeps_pixels_and_order() -> None:
    sink = FakeSink()
    loop = make_loop(FakeSource(200), sink, FakeStage(sleeping([0, 0.002])), FakeStage(sleeping([0.001, 0, 0])))
    run(loop)
    assert sink.indices == list(range(200))
    assert sink.values == [i % 256 for i in range(200)]
    assert_balance(loop)


def test_file_to_file_ignores_the_points_rate() -> None:
    loop = make_loop(FakeSource(60), FakeSink(), point=2)
    run(loop)
    assert (loop.counts.frames_out, loop.counts.skipped) == (60, 0)


@pytest.mark.parametrize(("is_live", "counts"), [(True, False), (False, True)])
def test_waiting_counts_as_capture_of_a_file_only(is_live: bool, counts: bool) -> None:
    """A camera is waited for; a file that keeps its reader waiting is slow."""
    loop = make_loop(FakeSource(10, is_live=is_live, start_ns=clock.now_ns(), read_s=0.03), FakeSink())
    run(loop)
    assert (loop.stage_times["capture"].percentile_ms(50) > 15) is counts


def test_overloaded_live_stream_drops_counts_and_keeps_order() -> None:
    sink = FakeSink(is_live=True)
    loop = make_loop(
        FakeSource(150, rate_hz=500, is_live=True), sink, compose=FakeStage(sleeping([0.004])), is_paced=True
    )
    run(loop)
    assert loop.counts.dropped > 0
    assert sink.indices == sorted(set(sink.indices))
    assert_balance(loop)


@pytest.mark.parametrize("slow", ["find", "compose", "deliver", "find compose", "find compose deliver"])
def test_two_frames_of_an_overloaded_live_stream_are_under_way_whichever_step_is_slow(slow: str) -> None:
    # Two under way are two frame periods of latency at most; tests/worker/test_overload.py measures it.
    find, compose, deliver = (0.01 if step in slow.split() else 0.0 for step in ("find", "compose", "deliver"))
    under_way: list[int] = []

    def count(packet: Packet) -> Packet:
        under_way.append(loop.stage_times["find"].count + 1 - loop.counts.frames_out)
        return sleeping([find])(packet)

    source = FakeSource(60, rate_hz=200, is_live=True)
    compose_stage = FakeStage(sleeping([compose]))
    loop = make_loop(source, FakeSink(delay_s=deliver), FakeStage(count), compose_stage, is_paced=True)
    run(loop)
    assert max(under_way) <= 2
    assert loop.counts.dropped > 0
    assert_balance(loop)


def test_overloaded_live_stream_drops_before_any_work_is_done() -> None:
    find = FakeStage()
    loop = make_loop(
        FakeSource(60, rate_hz=500, is_live=True), FakeSink(), find, FakeStage(sleeping([0.01])), is_paced=True
    )
    run(loop)
    assert loop.stage_times["find"].count == loop.counts.frames_out < 30


def test_latency_of_a_file_counts_from_decoding() -> None:
    loop = make_loop(FakeSource(5, read_s=0.02), FakeSink())
    run(loop)
    assert loop.latency.percentile_ms(1) > 19.8  # the histogram is right within one per cent


@pytest.mark.parametrize("is_paced", [False, True])
def test_latency_of_a_live_stream_counts_from_capture(is_paced: bool) -> None:
    """A camera's frame is old when it comes; a file that plays like one is captured when its time has come."""
    source = FakeSource(5, is_live=not is_paced, read_s=0.1)
    loop = make_loop(source, FakeSink(), is_paced=is_paced)
    source.start_ns = clock.now_ns() - 2 * clock.NS_PER_S
    run(loop)
    assert (loop.latency.percentile_ms(1) < 100) is is_paced
    assert (loop.latency.percentile_ms(1) > 500) is not is_paced


def test_rate_of_the_point_skips_frames_of_a_live_stream() -> None:
    loop = make_loop(FakeSource(100, rate_hz=100, is_live=True), FakeSink(), point=2)
    run(loop)
    assert loop.counts.skipped == pytest.approx(90, abs=2)
    assert_balance(loop)


def test_point_changes_between_two_frames_and_loses_none() -> None:
    seen: list[int] = []

    def remember(packet: Packet) -> Packet:
        seen.append(packet.point.effect_px)
        if packet.frame.index == 50:
            loop.set_point(1)
        return packet

    loop = make_loop(FakeSource(100), FakeSink(), FakeStage(remember))
    run(loop)
    changed_at = seen.index(192)
    assert 50 < changed_at <= 54
    assert seen == [256] * changed_at + [192] * (100 - changed_at)


def test_failing_model_marks_the_frame_and_the_run_goes_on() -> None:
    searches: list[Search] = []

    def fail_once(packet: Packet) -> Packet:
        if packet.frame.index == 3:
            raise RuntimeRunError("cannot run model: broken")
        return dataclasses.replace(packet, search=Search.WHOLE)

    def remember(packet: Packet) -> Packet:
        searches.append(packet.search)
        return packet

    loop = make_loop(FakeSource(6), FakeSink(), FakeStage(fail_once), FakeStage(remember))
    run(loop)
    assert searches == [Search.WHOLE] * 3 + [Search.FAILED] + [Search.WHOLE] * 2
    assert loop.counts.failures == 1


def test_a_model_that_fails_on_every_frame_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Packet) -> Packet:
        raise RuntimeRunError("cannot run model: broken")

    loop = make_loop(FakeSource(6), FakeSink(), FakeStage(fail))
    run(loop)
    assert (loop.counts.failures, len(caplog.records)) == (6, 1)


@pytest.mark.parametrize("failure", [ValueError("a bug"), RuntimeRunError("a model failed")])
def test_failing_compose_stage_ends_the_run_so_that_nothing_clear_leaves(failure: Exception) -> None:
    def fail(_: Packet) -> Packet:
        raise failure

    sink = FakeSink()
    loop = make_loop(FakeSource(50), sink, compose=FakeStage(fail))
    with pytest.raises(type(failure)) as caught:
        run(loop)
    assert caught.value is failure
    assert sink.indices == []
    assert sink.is_closed


def test_damaged_file_ends_the_run_after_every_frame_before_the_damage() -> None:
    sink = FakeSink()
    source = FakeSource(100, trouble={30: [SourceError("cannot read clip.mp4: damaged after frame 30")]})
    loop = make_loop(source, sink, compose=FakeStage(sleeping([0.005])))
    with pytest.raises(SourceError, match="damaged"):
        run(loop)
    assert sink.indices == list(range(30))


def test_full_disk_ends_the_run_and_closes_sink_and_source() -> None:
    source = FakeSource(1000)
    sink = FakeSink(fails_at=20, failure=SinkError("cannot write out.mp4: no space left on device"))
    with pytest.raises(SinkError, match="no space left"):
        run(make_loop(source, sink))
    assert sink.indices == list(range(20))
    assert sink.is_closed
    assert source.closed


def test_lost_camera_is_waited_for_and_goes_on() -> None:
    gone = SourceGoneError("cannot read /dev/video0: unplugged")
    source = FakeSource(30, is_live=True, trouble={10: [gone]}, reopen_trouble=[gone, gone])
    sink = FakeSink()
    loop = make_loop(source, sink)
    run(loop)
    assert source.opened == 4
    assert loop.counts.source_losses == 1
    assert sink.indices[-1] == 29
    assert_balance(loop)


def test_a_source_that_goes_over_to_a_picture_without_room_ends_the_run_after_what_fitted() -> None:
    sink = FakeSink()
    with pytest.raises(SourceError, match="went over to 8x12 pixels, more than the 12x8"):
        run(make_loop(FakeSource(9, turned_at=4), sink))
    assert sink.indices == [0, 1, 2, 3]


def test_camera_that_comes_back_larger_ends_the_run_with_the_reason() -> None:
    gone = SourceGoneError("unplugged")
    source = FakeSource(30, is_live=True, trouble={10: [gone]}, reopened_width_px=1000)
    with pytest.raises(SourceError, match="came back with 1000x8 pixels"):
        run(make_loop(source, FakeSink()))


def test_stop_ends_a_run_and_delivers_what_is_under_way() -> None:
    sink = FakeSink()
    loop = make_loop(FakeSource(10**9), sink)
    loop.run(lambda counts: loop.stop() if counts.frames_out else None, interval_s=0.01)
    assert sink.indices == list(range(loop.counts.frames_in))
    assert sink.is_closed
    assert_balance(loop)


def test_run_ends_after_the_frames_that_were_asked_for() -> None:
    sink = FakeSink()
    loop = make_loop(FakeSource(100), sink)
    loop.frames = 7
    run(loop)
    assert sink.indices == list(range(7))
    assert_balance(loop)


def test_faces_that_the_effect_could_not_change_are_summed_up() -> None:
    loop = make_loop(FakeSource(6), FakeSink(), compose=FakeStage(lambda p: dataclasses.replace(p, passed_over=2)))
    run(loop)
    assert loop.counts.passed_over == 12


def test_what_find_put_off_is_done_after_the_frame_was_handed_on() -> None:
    """The gap after the first frame waits until compose has that frame: if find did it before, nobody would come."""
    composed = threading.Event()
    is_in_time: list[bool] = []

    def note(packet: Packet) -> Packet:
        composed.set()
        return packet

    def work() -> bool:
        is_in_time.append(composed.wait(10))
        return len(is_in_time) == 1

    loop = make_loop(FakeSource(3), FakeSink(), compose=FakeStage(note), gap=(work,))
    run(loop)
    assert is_in_time == [True] * 3
    assert loop.stage_times["find"].count == 3 + 1  # gaps in which there was nothing to do are not counted


def test_a_slow_frame_from_file_to_file_leaves_work_for_the_next_step() -> None:
    """While find is held back, compose goes on with the frames that wait before it."""
    composed: list[int] = []
    has_composed = threading.Semaphore(0)
    compose_may = threading.Semaphore(0)

    def find(packet: Packet) -> Packet:
        if packet.frame.index == FILE_PLACES + 1:
            for _ in range(FILE_PLACES + 1):
                compose_may.release()
            for _ in range(FILE_PLACES + 1):
                assert has_composed.acquire(timeout=10)
            compose_may.release(100)
        return packet

    def compose(packet: Packet) -> Packet:
        assert compose_may.acquire(timeout=10)
        composed.append(packet.frame.index)
        has_composed.release()
        return packet

    run(make_loop(FakeSource(8), FakeSink(), FakeStage(find), FakeStage(compose)))
    assert composed == list(range(8))


def test_find_and_compose_run_in_threads_of_their_own() -> None:
    find, compose = FakeStage(), FakeStage()
    run(make_loop(FakeSource(5), FakeSink(), find, compose))
    assert (find.threads, compose.threads) == ({"find"}, {"compose"})
