"""Another release beside the one that runs: the real worker process, with models that are slow, blind or worse."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.tried import FAKE_PROFILE, LADDER, TriedUnit
from fakes.worker_driver import WorkerDriver, driven

from edgefuse import ipc
from edgefuse.in_flight import PLAN_PLACES
from edgefuse.ota.gates import Figures, Finding, judge
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import save_release
from edgefuse.store.terms import Gates

FILM = "pattern:160x120"  # from file to file: as fast as can be, and nothing may ever be dropped
RUN_MS = 2.0
MOST_BLOCKS = 60
POINTS = {FAKE_PROFILE: BoardSettings(ladder=(*LADDER, LADDER[-1]))}


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory, shared_root: Path) -> Iterator[TriedUnit]:
    """One that has releases of all kinds; they all see nobody."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("tried")
        patch.setenv("EDGEFUSE_ROOT", str(root))
        unit = TriedUnit(root, shared_root)
        unit.add_fake("old", run_ms=RUN_MS)
        unit.add_fake("same", run_ms=RUN_MS)
        unit.add_fake("slow", run_ms=1.3 * RUN_MS)
        unit.add_fake("failing", fault={"is": "fail", "after_runs": 1})
        unit.add_fake("zeros", fault={"is": "zeros", "after_runs": 1})
        unit.add_fake("growing", growth_kb=1000)
        unit.add_fake("crashing", fault={"is": "crash", "after_runs": 9})
        unit.add_fake("hanging", fault={"is": "hang", "after_runs": 9})
        other_points = msgspec.structs.replace(unit.add_fake("same", run_ms=RUN_MS), id="other-points", boards=POINTS)
        save_release(unit.store, other_points)
        yield unit


@contextmanager
def delivering(source: str = FILM, **fields: object) -> Iterator[WorkerDriver]:
    """Start a worker that delivers what release ``old`` makes; where it does not die, nothing may ever be lost."""
    given = {"sink": "null", "effect": "anonymise", "profile": FAKE_PROFILE, "release": "old", **fields}
    with driven(ipc.Start(source=source, **given)) as driver:  # type: ignore[arg-type]  # a test's own
        deliver(driver)
        yield driver
        if driver.process.poll() is None:
            driver.send(ipc.Stop())
            assert driver.wait_for_end() == 0
            last = [m for m in driver.drain() if isinstance(m, ipc.Heartbeat)][-1]
            assert (last.frames_in, last.failures) == (last.frames_out + last.dropped + last.skipped, 0)
            assert last.dropped == 0 or source != FILM


@pytest.fixture
def worker(unit: TriedUnit) -> Iterator[WorkerDriver]:
    """One of a test's own."""
    with delivering() as driver:
        yield driver


@pytest.fixture(scope="module")
def old_worker(unit: TriedUnit) -> Iterator[WorkerDriver]:
    """One that many tests use, and leave as it is."""
    with delivering() as driver:
        yield driver


def deliver(driver: WorkerDriver, frames: int = 1) -> ipc.Heartbeat:
    """Wait until so many more frames were delivered."""
    known = max((m.frames_out for m in driver.heard if isinstance(m, ipc.Heartbeat)), default=0)
    return driver.wait_for(ipc.Heartbeat, lambda beat: beat.frames_out >= known + frames)


def ask(driver: WorkerDriver, order: ipc.Try | ipc.Keep | ipc.SetEffect) -> ipc.Answer:
    driver.send(order)
    answer = driver.wait_for(ipc.Answer)
    assert answer.id == order.id
    return answer


def begin(driver: WorkerDriver, release: str) -> None:
    assert ask(driver, ipc.Try(id=1, release=release)) == ipc.Answer(id=1)


def planned(driver: WorkerDriver) -> ipc.Planned:
    """Give what was planned last."""
    return [m for m in driver.heard if isinstance(m, ipc.Planned)][-1]


def find_slowdown(driver: WorkerDriver, release: str) -> Finding:
    """Compare for as long as nobody can tell."""
    begin(driver, release)
    blocks: list[ipc.Compared] = []
    for _ in range(MOST_BLOCKS):
        blocks.append(driver.wait_for(ipc.Compared))
        old, new = (
            Figures(band="cool", point=block.point, frame_ms=tuple(times.median_ms for times in all_times))
            for block, all_times in ((blocks[0], [b.old for b in blocks]), (blocks[0], [b.new for b in blocks]))
        )
        finding = next(f for f in judge(Gates(), new, old, is_paired=True) if f.gate == "slowdown")
        if finding.verdict != "INCONCLUSIVE":
            return finding
    raise AssertionError(finding.text)


def test_a_release_that_is_as_fast_passes(old_worker: WorkerDriver) -> None:
    assert find_slowdown(old_worker, "same").verdict == "PASS"


def test_a_release_that_takes_a_third_longer_is_found_out(old_worker: WorkerDriver) -> None:
    finding = find_slowdown(old_worker, "slow")
    assert finding.verdict == "FAIL"
    assert finding.value is not None and 1.15 < finding.value < 1.4


def test_what_is_on_trial_is_told_before_it_is_opened_and_when_it_is_kept(worker: WorkerDriver) -> None:
    before = planned(worker)
    assert (before.plan.release, before.first_place, before.is_trial) == ("old", 0, False)
    begin(worker, "slow")
    on_trial = planned(worker)
    assert (on_trial.plan.release, on_trial.first_place, on_trial.is_trial) == ("slow", PLAN_PLACES, True)
    assert ask(worker, ipc.Keep(id=2)) == ipc.Answer(id=2)
    kept = planned(worker)
    assert (kept.plan, kept.setups, kept.first_place) == (on_trial.plan, on_trial.setups, PLAN_PLACES)
    assert not kept.is_trial
    assert ask(worker, ipc.SetEffect(id=3, effect="none", settings={})) == ipc.Answer(id=3)
    beat = worker.wait_for(ipc.Heartbeat, lambda beat: beat.stages_ms.get("none", 0) > 0)
    assert beat.stages_ms["detect_faces"] > 1.2 * RUN_MS  # it was planned with what was kept
    begin(worker, "old")
    assert planned(worker).first_place == 0


def test_another_effect_ends_a_trial(old_worker: WorkerDriver) -> None:
    begin(old_worker, "same")
    assert ask(old_worker, ipc.SetEffect(id=2, effect="none", settings={})) == ipc.Answer(id=2)
    assert ask(old_worker, ipc.Keep(id=3)).error == "cannot keep a release: none is on trial"
    deliver(old_worker)


def test_a_release_that_is_not_here_or_cannot_run_is_answered_with_the_reason(
    unit: TriedUnit, old_worker: WorkerDriver
) -> None:
    answer = ask(old_worker, ipc.Try(id=1, release="nothing"))
    assert "releases/nothing.json" in answer.error
    unit.add_fake("refused", run_ms=-1)  # which the runtime does not read
    answer = ask(old_worker, ipc.Try(id=1, release="refused"))
    assert answer.error.startswith("cannot open net.json on fake cpu")
    assert not answer.needs_restart
    deliver(old_worker)


def test_memory_is_given_back_when_it_goes_back(old_worker: WorkerDriver) -> None:
    before_mb = deliver(old_worker).rss_mb
    begin(old_worker, "growing")
    grown = old_worker.wait_for(ipc.Compared, lambda block: block.rss_mb > before_mb + 40)
    old_worker.send(ipc.GoBack())
    after = old_worker.wait_for(ipc.Heartbeat, lambda beat: beat.rss_mb < before_mb + 10)
    heard = len(old_worker.heard)
    deliver(old_worker, 400)
    assert not any(isinstance(m, ipc.Compared) for m in old_worker.heard[heard:])
    assert after.rss_mb < grown.rss_mb - 30


@pytest.mark.parametrize("release", ["failing", "zeros"])
def test_a_model_that_fails_on_trial_has_found_nobody_and_costs_no_frame(
    old_worker: WorkerDriver, release: str
) -> None:
    begin(old_worker, release)
    assert old_worker.wait_for(ipc.Compared).old_faces == 0
    assert deliver(old_worker).failures == 0


def test_what_has_no_room_beside_what_runs_needs_a_restart(unit: TriedUnit) -> None:
    with delivering("pattern:3840x2160@5,live", memory_mb=150) as driver:
        answer = ask(driver, ipc.Try(id=1, release="same"))
        assert answer.needs_restart
        assert answer.error.startswith("cannot try release same beside release old: both need ")
        deliver(driver)


def test_a_release_with_other_points_needs_a_restart_and_runs_at_them_then(old_worker: WorkerDriver) -> None:
    """Frames of two points cannot be compared."""
    answer = ask(old_worker, ipc.Try(id=1, release="other-points"))
    assert answer.needs_restart and answer.error.endswith("it has other operating points or limits; start again")
    with delivering(release="other-points", point=len(LADDER)) as driver:
        assert deliver(driver).point == len(LADDER)


def test_a_trial_outlasts_a_pause_and_is_kept_in_one(worker: WorkerDriver) -> None:
    begin(worker, "same")
    worker.wait_for(ipc.Compared)
    worker.send(ipc.Pause())
    worker.wait_for(ipc.Heartbeat, lambda beat: beat.source == "paused")
    worker.send(ipc.Resume())
    worker.wait_for(ipc.Compared)
    worker.send(ipc.Pause())
    assert ask(worker, ipc.Keep(id=2)) == ipc.Answer(id=2)
    worker.send(ipc.Resume())
    deliver(worker)


def test_a_crash_on_trial_leaves_word_of_whose_model_it_was(worker: WorkerDriver) -> None:
    begin(worker, "crashing")
    on_trial = planned(worker)
    assert worker.wait_for_end() == -signal.SIGSEGV
    (place,) = worker.watched
    choice = on_trial.plan.choices[place - on_trial.first_place]
    assert (choice.task, worker.watched[place]) == ("detect_faces", "running")


def test_a_model_that_hangs_on_trial_stops_the_frames_but_not_the_beats(worker: WorkerDriver) -> None:
    begin(worker, "hanging")
    worker.wait_for(ipc.Heartbeat, lambda beat: beat.fps == 0)
    on_trial = planned(worker)
    (place,) = worker.watched
    assert on_trial.plan.choices[place - on_trial.first_place].task == "detect_faces"
    worker.process.kill()
    assert worker.wait_for_end() == -signal.SIGKILL
