"""A run as the commands use it: checks before anything is opened, the report after."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.planned import make_host, make_profile
from fakes.streams import FakeSink, FakeSource, FakeStage

from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import ConfigError, SinkError
from edgefuse.planning.plan import Plan
from edgefuse.vision.model import Models
from edgefuse.vision.pipeline import NamedStage, Pipeline
from edgefuse.worker.interruption import Interruption
from edgefuse.worker.loop import Counts, Loop
from edgefuse.worker.run import OpenedPipeline, Run, RunRequest, check_request

PROFILE = make_profile("fake", sample=make_host("fake"))
POINT = OperatingPoint(effect_px=256, detect_px=128, rate_hz=1000.0, detect_every=1)


def make_request(source: str = "pattern", sink: str = "out.mp4", point: int = 0) -> RunRequest:
    return RunRequest(source, sink, "anonymise", {}, point)


def make_run(frames: int) -> Run:
    source = FakeSource(frames)
    pipeline = Pipeline((NamedStage("find", FakeStage()),), (NamedStage("compose", FakeStage()),))
    loop = Loop(source, source.open(), FakeSink(), pipeline, (POINT,))
    plan = Plan(profile="board", release="0", choices=(), rejections=())
    return Run(make_request(), plan, loop.stream, OpenedPipeline(pipeline, Models([])), loop)


def test_tasks_are_those_of_the_effects_stages() -> None:
    assert check_request(make_request(), PROFILE).tasks == {"detect_faces", "track_faces"}


@pytest.mark.parametrize("point", [-1, 1])
def test_point_must_be_on_the_ladder(point: int) -> None:
    with pytest.raises(ConfigError, match=f"^cannot run at point {point}: 'board' has points 0 to 0$"):
        check_request(make_request(point=point), PROFILE)


@pytest.mark.parametrize(("source", "sink", "missing"), [("", "out.mp4", "source"), ("in.mp4", "", "sink")])
def test_address_must_not_be_empty(source: str, sink: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot run: the {missing} is empty"):
        check_request(make_request(source, sink), PROFILE)


def test_source_is_never_overwritten_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    with pytest.raises(SinkError, match="it is the source; name another"):
        check_request(make_request(f"file:{tmp_path}/link.mp4", f"{tmp_path}/clip.mp4"), PROFILE)


def test_another_file_beside_the_source_may_be_written(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    assert check_request(make_request(f"{tmp_path}/a.png", f"{tmp_path}/b.png"), PROFILE)


def test_source_that_can_be_read_only_once_is_not_read_by_the_check(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert check_request(make_request(f"{tmp_path}/pipe.mp4"), PROFILE)


def test_faces_are_drawn_last() -> None:
    job = check_request(replace(make_request(), effect="fuse_mesh", is_drawn=True), PROFILE)
    assert list(job.options)[-3:] == ["fuse_mesh", "mark", "draw_faces"]


def test_report_of_a_whole_run_balances() -> None:
    report = make_run(30).run(lambda _: None)
    assert (report.frames_in, report.frames_out, report.is_interrupted) == (30, 30, False)
    assert report.pool.leased == report.pool.returned


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_run_with_what_is_under_way(number: signal.Signals) -> None:
    def interrupt(counts: Counts) -> None:
        if counts.frames_out:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    report = make_run(10**9).run(interrupt)
    assert report.is_interrupted
    assert report.frames_in == report.frames_out > 0
    assert report.pool.leased == report.pool.returned
    assert signal.getsignal(number) is before


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption(lambda: None) as interruption:
            os.kill(os.getpid(), signal.SIGINT)
        assert not interruption.has_come
    finally:
        signal.signal(signal.SIGINT, before)
