"""The supervisor as a process, over a worker that is a process too."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.supervisor import Running, kinds, write_site
from fakes.worker_program import MISSING

from edgefuse import paths
from edgefuse.errors import EdgefuseError
from edgefuse.store.state import load_state, state_path
from edgefuse.supervisor.cgroup import WorkerGroup
from edgefuse.supervisor.control import Done, Refused, Reply, SetPaused, SetPin, TakeSnapshot
from edgefuse.supervisor.daemon import Daemon

Supervise = Callable[..., Running]


def is_alive(pid: int | None) -> bool:
    """Tell whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_frames_flow_and_no_pixel_library_is_loaded(supervise: Supervise) -> None:
    running = supervise()
    status = running.wait_for_frames()
    maps = Path(f"/proc/{running.process.pid}/maps").read_text()
    assert not [name for name in ("numpy", "cv2", "onnxruntime", "openvino", "/av/") if name in maps]
    assert status.supervisor_mb < 32  # with margin for other interpreters; the figure is in docs/supervisor.md


def test_sigterm_ends_both_soon_and_leaves_no_socket(supervise: Supervise) -> None:
    running = supervise()
    worker = running.wait_for_frames().service.pid
    start_s = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - start_s < 5
    assert not Path(f"/proc/{worker}").exists() and not (paths.run_dir() / "control.sock").exists()


def test_a_worker_that_will_not_stop_does_not_hold_up_the_end(supervise: Supervise) -> None:
    running = supervise("deaf")
    running.wait_for_frames()
    start_s = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - start_s < 5


def test_a_killed_worker_comes_back_and_nothing_of_it_is_left(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    before = running.count_descriptors()
    for restarts in (1, 2):
        running.kill_worker(signal.SIGKILL)
        running.wait(lambda s: s.service.restarts == restarts)  # noqa: B023 -- waited for before it changes
        status = running.wait_for_frames()
    assert running.count_descriptors() == before
    assert status.heartbeat is not None and "worker_crashed" in kinds(status)
    assert load_state(state_path()).crashes == ()  # who kills from outside blames no model


def test_a_model_that_crashes_the_worker_is_remembered(supervise: Supervise) -> None:
    running = supervise("crash")
    running.wait(lambda s: s.service.restarts >= 2 and "model_blamed" in kinds(s))
    assert running.stop() == 0
    assert [(crash.how, crash.count >= 2) for crash in load_state(state_path()).crashes] == [("SIGSEGV", True)]


def test_a_worker_that_hangs_is_ended_and_replaced(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    running.kill_worker(signal.SIGSTOP)
    status = running.wait(lambda s: s.service.restarts == 1 and s.service.state == "RUNNING")
    (told,) = (event.text for event in status.events if event.level == "warning")
    assert told.startswith("the worker is ended: it hangs") and "somebody has stopped it" in told
    assert load_state(state_path()).crashes == ()  # somebody had stopped it


def test_a_missing_source_is_waited_for(supervise: Supervise) -> None:
    running = supervise("waiting")
    status = running.wait(lambda s: s.service.reason == f"waits for the source: {MISSING}")
    assert (status.service.state, status.service.restarts) == ("RUNNING", 0)


@pytest.mark.slow
def test_a_worker_that_beats_but_delivers_nothing_is_replaced(supervise: Supervise) -> None:
    status = supervise("idle").wait(lambda s: s.service.restarts == 1)
    assert "delivers nothing" in next(event.text for event in status.events if event.kind == "worker_hung")


def test_a_sink_that_goes_away_is_tried_again_after_a_wait(supervise: Supervise) -> None:
    status = supervise("leave").wait(lambda s: s.service.restarts == 2)
    assert "worker_refused" not in kinds(status)
    assert "cannot push to rtsp://nvr/out" in [event.text for event in status.events]


def test_a_killed_supervisor_takes_its_worker_along_and_leaves_the_place_to_the_next(supervise: Supervise) -> None:
    running = supervise()
    before = running.wait_for_frames().service.pid
    running.process.kill()
    running.process.wait()
    assert supervise().wait_for_frames().service.pid != before
    end_s = time.monotonic() + 20
    while is_alive(before):
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_place_that_cannot_be_listened_at_is_told(supervise: Supervise) -> None:
    paths.run_dir().parent.mkdir()
    paths.run_dir().write_text("no folder")
    assert supervise().process.wait(20) == 2


def test_what_a_person_must_mend_is_fatal_until_it_is_mended(supervise: Supervise) -> None:
    running = supervise("refuse")
    status = running.wait(lambda s: s.service.state == "FATAL")
    assert status.service.reason == "cannot open /dev/video0: permission denied"
    assert status.service.retry_in_s is not None
    write_site("well")
    running.signal(signal.SIGHUP)
    running.wait_for_frames()


def test_what_a_person_must_mend_is_told_once_however_often_it_is_tried(supervise: Supervise) -> None:
    running = supervise("refuse")
    running.wait(lambda s: s.service.state == "FATAL")
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: s.service.restarts == 2 and s.service.state == "FATAL")
    assert kinds(status).count("worker_refused") == 1


def test_a_snapshot_is_written(supervise: Supervise, tmp_path: Path) -> None:
    running = supervise()
    running.wait_for_frames()
    assert running.ask(TakeSnapshot(path=str(tmp_path / "now.png"))) == Done()
    assert (tmp_path / "now.png").read_bytes() == b"picture"


def test_a_state_that_cannot_be_kept_stops_nothing(supervise: Supervise) -> None:
    state_path().parent.mkdir(parents=True)
    state_path().mkdir()
    running = supervise()
    status = running.wait_for_frames()
    assert "state_not_kept" in kinds(status)
    assert isinstance(reply := running.ask(SetPin(setting="point", value="1")), Refused)
    assert "it is in force" in reply.reason
    running.wait(lambda s: s.heartbeat and s.heartbeat.point == 1)


def test_a_missing_interpreter_is_told(supervise: Supervise) -> None:
    (paths.config_dir() / "fake_python").unlink()
    status = supervise().wait(lambda s: s.service.state == "FATAL")
    assert "worker_python" in status.service.reason


def test_systemd_hears_how_it_goes_from_ready_to_stopping(supervise: Supervise, tmp_path: Path) -> None:
    with listening_systemd(tmp_path / "notify") as heard:
        running = supervise(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        running.wait_for_frames()
        running.signal(signal.SIGHUP)
        running.wait(lambda s: "configuration_read" in kinds(s))
        running.wait(
            lambda _: any(message.startswith("STATUS=running; 30.0 fps, point 0, 100 MB") for message in heard)
        )
        running.wait(lambda _: heard.count("WATCHDOG=1") >= 3)
        assert running.stop() == 0
    words = [message.partition("=")[0] for message in heard]
    assert [word for word in words if word not in ("STATUS", "WATCHDOG")] == ["READY", "RELOADING", "READY", "STOPPING"]


@contextmanager
def listening_systemd(path: Path) -> Iterator[list[str]]:
    """Take what is told to a socket, as long as the block lasts."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))

        def listen() -> None:
            while message := systemd.recv(4096):
                heard.append(message.decode())

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", str(path))
            thread.join()


class SlowSteering:
    """What shall run, to be changed in a moment."""

    def __init__(self) -> None:
        self.has_begun, self.may_end, self.has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def perform(self, *_: object) -> Reply:
        """Change it when that may be."""
        self.has_begun.set()
        await self.may_end.wait()
        self.has_ended.set()
        return Done()


def test_a_change_is_made_to_its_end_when_nobody_waits_for_it_any_more(unit: None) -> None:
    async def session() -> None:
        daemon, steering = Daemon(), SlowSteering()
        daemon.steering = steering  # type: ignore[assignment]  # a stand-in
        asking = asyncio.create_task(daemon.perform(SetPaused(is_paused=True)))
        await steering.has_begun.wait()
        asking.cancel()
        await asyncio.wait([asking])
        steering.may_end.set()
        await asyncio.wait_for(steering.has_ended.wait(), 20)

    asyncio.run(session())


def test_a_second_supervisor_is_sent_away(supervise: Supervise) -> None:
    supervise().wait_for_frames()
    assert supervise().process.wait(20) == 2


def test_a_second_supervisor_leaves_the_control_group_alone(supervise: Supervise) -> None:
    supervise()

    def divide() -> WorkerGroup:
        raise AssertionError("it is the other's")

    with pytest.raises(EdgefuseError, match="another supervisor"):
        asyncio.run(Daemon(divide).run())


def test_a_supervisor_that_stood_still_keeps_its_worker(supervise: Supervise) -> None:
    running = supervise()
    worker = running.wait_for_frames().service.pid
    running.signal(signal.SIGSTOP)
    time.sleep(0.5)
    running.signal(signal.SIGCONT)
    assert running.wait_for_frames().service.pid == worker
    assert os.getpgid(worker or 0) == worker
