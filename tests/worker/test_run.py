"""A run as the commands use it: checks before anything is opened, the report after."""

from __future__ import annotations

import os
import signal

import pytest
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile
from fakes.streams import FakeSink, FakeSource, FakeStage

from edgefuse.config.profile import OperatingPoint
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Plan, plan
from edgefuse.store.release import Release
from edgefuse.store.store import open_store
from edgefuse.vision.model import Models
from edgefuse.vision.pipeline import NamedStage, Pipeline
from edgefuse.worker.interruption import Interruption
from edgefuse.worker.loop import Counts, Loop
from edgefuse.worker.request import Job, RunRequest
from edgefuse.worker.run import OpenedPipeline, Run, open_pipeline

POINT = OperatingPoint(effect_px=256, detect_px=128, rate_hz=1000.0, detect_every=1)


def make_run(frames: int) -> Run:
    source = FakeSource(frames)
    pipeline = Pipeline((NamedStage("find", FakeStage()),), (NamedStage("compose", FakeStage()),))
    loop = Loop(source, source.open(), FakeSink(), pipeline, (POINT,))
    made = Plan(profile="board", release="0", choices=(), rejections=())
    return Run(
        RunRequest("pattern", "out.mp4", "anonymise", {}), made, loop.stream, OpenedPipeline(pipeline, Models([])), loop
    )


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


@pytest.mark.usefixtures("root")
def test_of_the_models_that_may_be_missing_those_that_last_stay_open() -> None:
    store, profile, host = open_store(), make_profile("fake"), make_host("fake")
    stream = FakeSource(1).open()
    tasks = ("detect_faces", "track_faces", "embed_faces", "parse_faces")
    manifests = (make_manifest(task, task, add_fake_variant(store, task)) for task in tasks)
    release = Release(id="1", counter=1, manifests=tuple(manifests))
    job = Job(
        RunRequest("pattern", "null", "none", {}), {}, frozenset(tasks[:2]), frozenset(tasks[2:]), frozenset(tasks[3:])
    )
    opened = open_pipeline(job, Board(profile, host, store, release), plan(profile, release, host), stream)
    assert [opened.models.has(task) for task in tasks] == [True, True, False, True]
    opened.close()


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption(lambda: None) as interruption:
            os.kill(os.getpid(), signal.SIGINT)
        assert not interruption.has_come
    finally:
        signal.signal(signal.SIGINT, before)
