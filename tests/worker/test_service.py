"""The worker as the supervisor sees it: the real process at the other end of a socket pair."""

from __future__ import annotations

import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.clips import write_clip
from fakes.worker_driver import WorkerDriver, driven

import edgefuse
from edgefuse import ipc
from edgefuse.store.state import Crash
from edgefuse.store.store import Store

SIZE = "160x120"
LIVE = f"pattern:{SIZE}@30,live"
STOP_S = 2.0


def start(source: str = LIVE, effect: str = "none", sink: str = "null", **fields: object) -> ipc.Start:
    return ipc.Start(source=source, sink=sink, effect=effect, **fields)  # type: ignore[arg-type]  # a test's own


def frames(driver: WorkerDriver, at_least: int = 1) -> ipc.Heartbeat:
    """Wait until that many more frames were delivered."""
    known = max((m.frames_out for m in driver.heard if isinstance(m, ipc.Heartbeat)), default=0)
    return driver.wait_for(ipc.Heartbeat, lambda beat: beat.frames_out >= known + at_least)


def heaps_of_threads(pid: int) -> Iterator[str]:
    """Give glibc's heaps beside the main one: what is used of 64 MiB that begin at a multiple of that, and the rest."""
    places = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    for used, rest in pairwise(places):
        (begin, middle), (_, end) = (tuple(int(at, 16) for at in place[0].split("-")) for place in (used, rest))
        if (used[1], rest[1]) == ("rw-p", "---p") and begin % (64 << 20) == 0 and end - begin == 64 << 20:
            yield f"{(middle - begin) >> 10} KiB at {begin:x}"


@pytest.fixture(scope="module")
def worker(store: Store) -> Iterator[WorkerDriver]:
    """One that delivers, and is left delivering."""
    with driven(start()) as driver:
        frames(driver)
        yield driver


def test_it_tells_its_plan_before_it_opens_and_its_size_after(worker: WorkerDriver) -> None:
    planned, opened = (m for m in worker.heard if isinstance(m, ipc.Planned | ipc.Opened))
    assert isinstance(planned, ipc.Planned)
    assert len(planned.setups) == len(planned.plan.choices) > 0
    assert isinstance(opened, ipc.Opened)
    assert (opened.width_px, opened.height_px) == (160, 120)
    assert set(opened.startup_s) == {"probe", "plan", "open"}


def test_it_says_that_it_lives_before_it_has_planned(worker: WorkerDriver) -> None:
    assert isinstance(worker.heard[0], ipc.Alive)
    planned = next(place for place, m in enumerate(worker.heard) if isinstance(m, ipc.Planned))
    assert not any(isinstance(m, ipc.Alive) for m in worker.heard[planned + 1 :])


@pytest.mark.skipif("glibc" not in platform.libc_ver() or sys.maxsize < 1 << 32, reason="other heaps lie elsewhere")
def test_all_its_threads_share_one_heap(worker: WorkerDriver) -> None:
    assert list(heaps_of_threads(worker.process.pid)) == []


def test_it_beats_with_what_it_did_since(worker: WorkerDriver) -> None:
    beat = frames(worker, 10)
    assert (beat.source, beat.point, beat.effect, beat.failures) == ("flowing", 0, "none", 0)
    assert beat.frames_in >= beat.frames_out + beat.dropped + beat.skipped
    assert {"capture", "detect_faces", "none", "deliver"} <= set(beat.stages_ms)
    assert 0 < beat.latency_ms.p50 <= beat.latency_ms.p99
    assert beat.fps > 0 < beat.rss_mb


def test_a_point_that_does_not_exist_changes_nothing(worker: WorkerDriver) -> None:
    worker.send(ipc.SetPoint(point=99), ipc.SetPoint(point=1))
    assert worker.wait_for(ipc.Heartbeat, lambda beat: beat.point != 0).point == 1
    worker.send(ipc.SetPoint(point=0))
    worker.wait_for(ipc.Heartbeat, lambda beat: beat.point == 0)


def test_a_pause_delivers_nothing_until_it_ends(worker: WorkerDriver) -> None:
    worker.send(ipc.Pause())
    worker.wait_for(ipc.Heartbeat, lambda beat: beat.source == "paused")
    rested = [worker.wait_for(ipc.Heartbeat) for _ in range(3)]
    assert rested[0].frames_out == rested[-1].frames_out
    worker.send(ipc.Resume())
    assert frames(worker).source == "flowing"


def test_a_worker_that_starts_paused_opens_everything_and_waits(store: Store) -> None:
    with driven(start(is_paused=True)) as driver:
        driver.wait_for(ipc.Opened)
        beat = driver.wait_for(ipc.Heartbeat)
        assert (beat.source, beat.frames_in) == ("paused", 0)
        driver.send(ipc.Resume())
        frames(driver)


def test_another_effect_is_taken_over_without_losing_a_frame(store: Store) -> None:
    with driven(start(f"pattern:{SIZE}@30")) as driver:  # not live, so nothing may ever be dropped
        frames(driver)
        driver.send(ipc.SetEffect(id=7, effect="anonymise", settings={"anonymise": {"method": "pixelate"}}))
        assert driver.wait_for(ipc.Answer) == ipc.Answer(id=7)
        driver.wait_for(ipc.Heartbeat, lambda beat: "anonymise" in beat.stages_ms)
        driver.send(ipc.Stop())
        assert driver.wait_for_end() == 0
        last = [m for m in driver.drain() if isinstance(m, ipc.Heartbeat)][-1]
    assert (last.effect, last.dropped, last.failures) == ("anonymise", 0, 0)
    assert last.frames_in == last.frames_out


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (
            ipc.SetEffect(id=1, effect="anonymise", settings={"anonymise": {"metod": "blur"}}),
            "/edgefuse.yaml: settings.anonymise.metod: unknown key",
        ),
        (ipc.SetEffect(id=2, effect="detect_faces", settings={}), "cannot find effect 'detect_faces'"),
        (ipc.SetEffect(id=3, effect="fuse_mesh", settings={"fuse_mesh": {"face": "/nowhere.png"}}), "cannot use /now"),
        (ipc.Snapshot(id=4, path="/nowhere/picture.txt"), "it is no picture"),
        (ipc.Snapshot(id=5, path="/proc/picture.png"), "cannot write /proc/picture.png"),
    ],
    ids=["option", "effect", "face", "ending", "folder"],
)
def test_what_cannot_be_done_is_answered_with_the_reason(
    worker: WorkerDriver, order: ipc.SetEffect | ipc.Snapshot, error: str
) -> None:
    worker.send(order)
    answer = worker.wait_for(ipc.Answer)
    assert answer.id == order.id
    assert error in answer.error
    assert not answer.needs_restart
    assert frames(worker).effect == "none"


def test_an_effect_that_has_no_room_beside_the_old_one_is_refused(store: Store) -> None:
    # Enough to plan with; but a few frames of this size, with the libraries, hold more than that already.
    with driven(start("pattern:3840x2160@5,live", memory_mb=250)) as driver:
        frames(driver, 3)
        driver.send(ipc.SetEffect(id=1, effect="anonymise", settings={}))
        answer = driver.wait_for(ipc.Answer)
        assert answer.needs_restart
        assert answer.error.startswith("cannot go over to 'anonymise' at once: ")
        assert frames(driver).effect == "none"


def test_a_snapshot_is_the_frame_as_it_was_delivered(store: Store, astronaut: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [np.asarray(cv2.imread(str(astronaut)), np.uint8)] * 8)
    path = tmp_path / "new/picture.png"
    with driven(start(f"loop:{clip}", "anonymise")) as driver:
        frames(driver)
        driver.send(ipc.Snapshot(id=1, path=str(path)))
        assert driver.wait_for(ipc.Answer) == ipc.Answer(id=1)
    before, after = cv2.imread(str(astronaut)), cv2.imread(str(path))
    assert before is not None and after is not None
    change = np.abs(before.astype(int) - after).mean(axis=2)
    face, corner = change[80:160, 190:260].mean(), change[-60:, :60].mean()
    assert face > 3 * corner


def test_a_camera_that_is_not_there_at_the_start_is_waited_for(store: Store) -> None:
    with driven(start("/dev/video99")) as driver:
        beat = driver.wait_for(ipc.Heartbeat)
        assert (beat.source, beat.frames_in) == ("waiting", 0)
        assert beat.missing.startswith("cannot ")
        driver.send(ipc.Stop())
        assert driver.wait_for_end() == 0


def test_a_camera_that_goes_away_is_waited_for(store: Store, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [np.zeros((120, 160, 3), np.uint8)] * 8)
    with driven(start(f"loop:{clip}")) as driver:
        frames(driver)
        clip.rename(tmp_path / "away.mp4")
        assert driver.wait_for(ipc.Heartbeat, lambda beat: beat.source == "waiting").source_losses == 1
        (tmp_path / "away.mp4").rename(clip)
        driver.wait_for(ipc.Heartbeat, lambda beat: beat.source == "flowing")
        frames(driver)


@pytest.mark.parametrize(
    "end",
    [
        lambda driver: driver.send(ipc.Stop()),
        lambda driver: driver.socket.close(),
        lambda driver: driver.process.terminate(),
        lambda driver: driver.send(ipc.Pause(), ipc.Stop()),
    ],
    ids=["told", "supervisor gone", "SIGTERM", "told while it rests"],
)
def test_it_ends_soon(store: Store, end: Callable[[WorkerDriver], object]) -> None:
    with driven(start()) as driver:
        frames(driver)
        begun_s = time.monotonic()
        end(driver)
        assert driver.wait_for_end() == 0
        assert time.monotonic() - begun_s < STOP_S
        assert driver.watched == {}


def test_what_was_under_way_is_finished(store: Store, tmp_path: Path) -> None:
    with driven(start(sink=str(tmp_path / "out.mp4"))) as driver:
        frames(driver, 5)
        driver.send(ipc.Stop())
        assert driver.wait_for_end() == 0
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 5


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (start("nothing.mp4"), "cannot read nothing.mp4: no such file"),
        (start(point=99), "cannot run at point 99"),
        (start(profile="nothing"), "cannot find profile 'nothing'"),
        (start(effect="nothing"), "cannot find effect 'nothing'"),
    ],
    ids=["source", "point", "profile", "effect"],
)
def test_what_a_person_must_mend_is_told_before_it_ends(store: Store, request_: ipc.Start, reason: str) -> None:
    with driven(request_) as driver:
        assert driver.wait_for(ipc.Failed).reason.startswith(reason)
        assert driver.wait_for_end() == 2


def test_a_worker_that_crashes_leaves_word_of_what_it_was_at(store: Store) -> None:
    with driven(start("pattern:1280x720@1000,live", "anonymise")) as driver:
        planned = driver.wait_for(ipc.Planned)
        until_s = time.monotonic() + 60
        while not driver.watched and time.monotonic() < until_s:
            pass  # opening takes some hundred milliseconds
        driver.process.send_signal(signal.SIGSEGV)
        assert driver.wait_for_end() == -signal.SIGSEGV
        tasks = {planned.plan.choices[place].task for place in driver.watched}
    assert tasks
    assert tasks <= {"detect_faces", "track_faces"}


def test_a_model_that_the_supervisor_saw_crash_is_not_chosen_though_no_disk_says_so(
    worker: WorkerDriver, store: Store
) -> None:
    planned = next(m for m in worker.heard if isinstance(m, ipc.Planned))
    setup = planned.setups[0]
    crash = Crash(setup=setup, how="SIGSEGV", count=3, edgefuse=edgefuse.__version__, crashed_at="2026-01-01T00:00:00Z")
    with driven(start(crashes=(crash,))) as driver:
        assert setup not in driver.wait_for(ipc.Planned).setups
