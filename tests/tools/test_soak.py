"""The long run: a film without end, what is judged, and a real run that is short."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from benching.command import run_bench
from benching.endless import write_endless
from benching.soak import Sample, Soak, Watch, describe, draw, measure, slope_mb_per_h
from fakes.clips import make_frame, quarters, write_clip

from edgefuse.cli._plan import probe_board
from edgefuse.errors import SourceError
from edgefuse.ipc import Latency
from edgefuse.planning.plan import Plan
from edgefuse.store.store import Store
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import make_source
from edgefuse.worker.report import Memory, Pool, RunReport
from edgefuse.worker.request import RunRequest

PLAN = Plan(profile="board", release="0", choices=(), rejections=())
RUN = RunReport(
    frames_in=9, frames_out=9, dropped=0, skipped=0, failures=0, source_losses=0, is_interrupted=False, fps=25.0,
    duration_s=1800.0, cpu_s=1.0, latency_ms=Latency(1.0, 1.0, 1.0), rss_mb=Memory(90.0, 95.0, 99.0),
    pool=Pool(8, 9, 9, 4), stages={}, faces=9, passed_over=0, point=0, effect="none", plan=PLAN,
)  # fmt: skip
SOAK = Soak(
    is_paced=True, asked_s=1800.0, memory_mb=100.0, out_of_order=0, p50_ms=10.0, p99_ms=15.0, slope_mb_per_h=1.0,
    is_slope_judged=True, run=RUN, samples=tuple(Sample(10.0 * i, 90.0, 9.0, 12.0) for i in range(30)),
)  # fmt: skip


def changed(**keys: object) -> Soak:
    return msgspec.structs.replace(SOAK, **keys)


def changed_run(**keys: object) -> Soak:
    return changed(run=msgspec.structs.replace(RUN, **keys))


@pytest.mark.parametrize(
    ("soak", "fault"),
    [
        (changed_run(duration_s=900.0), "it ended after 900 s of 1800"),
        (changed(slope_mb_per_h=1.2), "memory grows by 1.20 MB an hour"),
        (changed_run(rss_mb=Memory(90.0, 95.0, 101.0)), "memory reached 101 MB of 100"),
        (changed(out_of_order=2), "2 frames are out of order"),
        (changed_run(pool=Pool(8, 9, 8, 4)), "1 buffers did not come back"),
        (changed(is_paced=False, run=msgspec.structs.replace(RUN, dropped=3)), "3 frames of a file are lost"),
        (changed(p99_ms=15.1), "p99 is 1.51 times p50"),
    ],
)
def test_each_fault_is_told(soak: Soak, fault: str) -> None:
    assert soak.faults() == [fault]
    assert f"\nfault         {fault}" in describe(soak)


def test_a_run_at_the_limits_passes(tmp_path: Path) -> None:
    assert SOAK.faults() == changed_run(dropped=3).faults() == []
    assert changed(slope_mb_per_h=9.0, is_slope_judged=False).faults() == []
    assert "none, paced, 30.0 minutes: passed" in describe(SOAK)
    draw(SOAK, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").stat().st_size > 10_000


def test_one_step_of_the_heap_is_no_leak_and_a_leak_is() -> None:
    def grow(leak_mb: float) -> float:
        return slope_mb_per_h([Sample(10.0 * i, 90 + 0.5 * (i > 90) + leak_mb * i, 0.0, 0.0) for i in range(100)])

    assert grow(0) == 0
    assert grow(0.01) == pytest.approx(3.6, rel=0.2)


def test_frames_out_of_order_and_long_waits_are_seen() -> None:
    watch = Watch(is_paced=False)
    for index in (0, 1, 3, 2, 4):
        watch.write(make_frame(quarters(), index))
    assert watch.out_of_order == 1
    assert watch.times.count == watch.times_since_sample.count == 4
    watch.sample(10.0)
    assert (watch.times.count, watch.times_since_sample.count) == (4, 0)


def test_a_looped_clip_is_one_film_whose_time_goes_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a clip's name.mp4", [quarters()] * 5)
    source = make_source(str(write_endless(clip, tmp_path, film_s=1.0)))
    stream = source.open()
    buffer = Buffer(stream.width_px * stream.height_px * 3)
    times_ms = [capture.captured_ns // 10**6 for _ in range(25) if (capture := source.read(buffer))]
    source.close()
    assert times_ms == [40 * i for i in range(25)]


def test_what_is_no_clip_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*nowhere\.mp4: no such file"):
        write_endless(tmp_path / "nowhere.mp4", tmp_path, film_s=1.0)


def test_a_bench_that_cannot_measure_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> str:
        raise SourceError("cannot read it")

    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as caught:
        run_bench(argparse.ArgumentParser(prog="tools/bench/it"), fail, str)
    assert caught.value.code == 2
    assert capsys.readouterr().err == "tools/bench/it: cannot read it\n"


def test_a_bench_prints_text_or_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        assert run_bench(argparse.ArgumentParser(), lambda _: [1, 2], lambda figures: f"{len(figures)} of them")[1]
    assert capsys.readouterr().out == "2 of them\n[1,2]\n"


@pytest.mark.slow
def test_a_short_soak_goes_round_and_round_in_order(store: Store, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [quarters()] * 50)
    request = RunRequest(str(clip), "null", "none", {})
    soak = measure(probe_board(None), request, 3.0)
    assert soak.run.frames_out > 200
    assert soak.out_of_order == 0
    paced = measure(probe_board(None), replace(request, is_paced=True), 3.0)
    assert 60 < paced.run.frames_in < 90
