"""Updates by a supervisor, install helpers and checks that are processes, over a worker that is acted."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes.mounts import READ_ONLY, mounted, needs_mounts
from fakes.release_site import Site
from fakes.supervisor import kinds
from fakes.updating_unit import UpdatingUnit

from edgefuse import clock
from edgefuse.store.release import live_ids
from edgefuse.supervisor.control import CancelUpdate, Done, Refused, SetPaused, SetPin

MakeUnit = Callable[..., UpdatingUnit]


def test_a_release_takes_the_place_of_the_first_in_the_same_worker(make_unit: MakeUnit) -> None:
    unit = make_unit()
    before = unit.running.status()
    assert unit.install("good").state == "COMMITTED"
    status = unit.running.wait(lambda s: s.release == "good")
    assert status.service.pid == before.service.pid and status.service.restarts == 0
    assert live_ids(unit.store) == ("good", "first")
    told = [kind for kind in kinds(status) if kind.startswith("update")]
    assert told == ["update_begun", "update_tried", "update_committed"]
    maps = Path(f"/proc/{unit.running.process.pid}/maps").read_text()
    assert not [name for name in ("numpy", "cv2", "cryptography", "_rust", "zstd") if name in maps]


@pytest.fixture(scope="module")
def lasting(published: Site) -> Iterator[UpdatingUnit]:
    """A unit that gets one release after the other, each with a higher counter than the one before."""
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEFUSE_ROOT", folder)
        unit = UpdatingUnit(Path(folder), published)
        unit.running.wait_for_frames()
        yield unit
        unit.close()


@pytest.mark.parametrize(
    ("release", "end", "reason", "is_bad"),
    [
        ("same", "COMMITTED", "", False),
        ("wrong", "FAILED", "the golden outputs of blazeface differ", True),
        ("tight", "COMMITTED", "", False),
    ],
)
def test_each_comes_to_its_end(lasting: UpdatingUnit, release: str, end: str, reason: str, is_bad: bool) -> None:
    before = live_ids(lasting.store)[0]
    deployment = lasting.install(release)
    assert (deployment.state, deployment.reason.startswith(reason)) == (end, True), deployment
    live = release if end == "COMMITTED" else before
    lasting.running.wait(lambda s: s.release == live and s.service.state == "RUNNING")
    assert live_ids(lasting.store)[0] == live
    assert (release in [bad.release for bad in lasting.history().bad]) == is_bad


def test_an_operator_ends_what_is_under_way(make_unit: MakeUnit) -> None:
    unit = make_unit()
    assert isinstance(unit.running.ask(CancelUpdate()), Refused)
    unit.wish("endless")
    unit.wait(lambda deployment: deployment.step == "SELFTEST")
    assert unit.running.ask(CancelUpdate(reason="not today")) == Done()
    deployment = unit.finish()
    assert (deployment.state, deployment.reason) == ("CANCELLED", "not today")
    assert unit.running.status().service.restarts == 0


def test_a_newer_wish_takes_the_place_of_what_is_under_way(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.wish("endless")
    unit.wait(lambda deployment: deployment.step == "REFRESH")
    unit.wish("good")
    unit.wait(lambda deployment: deployment.step == "RESOLVE")
    assert [past.state for past in unit.history().deployments] == ["CANCELLED", "RESOLVE"]


def test_of_many_wishes_that_come_at_once_the_newest_alone_is_begun(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.wished = 5000
    wishes = unit.root / "wishes.new"
    wishes.write_text("".join(f"endless d{number} {number}\n" for number in range(1, unit.wished + 1)))
    wishes.rename(unit.root / "wishes")
    unit.wait(lambda deployment: deployment.step == "RESOLVE")
    assert [past.id for past in unit.history().deployments] == ["d5000"]


@pytest.mark.parametrize(("who", "step"), [("supervisor", "TRIAL"), ("worker", "TRIAL")])
def test_whoever_is_killed_the_update_comes_to_its_end(make_unit: MakeUnit, who: str, step: str) -> None:
    unit = make_unit()
    unit.wish("good")
    unit.wait(lambda deployment: deployment.step == step)
    unit.kill(who)
    assert unit.finish().state == "COMMITTED"
    unit.running.wait(lambda s: s.release == "good" and s.service.state == "RUNNING")


def test_a_disk_that_takes_nothing_ends_the_update_and_the_next_one_begins_once_it_does(make_unit: MakeUnit) -> None:
    unit = make_unit()
    in_the_way = unit.root / "var/lib/edgefuse/.deployment.json.new"
    in_the_way.mkdir()
    deployment = unit.install("good")
    assert (deployment.state, "cannot write" in deployment.reason) == ("FAILED", True)
    in_the_way.rmdir()
    unit.wish("next")
    unit.wait(lambda deployment: deployment.step == "RESOLVE")
    assert unit.running.status().service.restarts == 0


@needs_mounts
def test_on_a_state_directory_that_became_read_only_the_committed_release_runs_on(make_unit: MakeUnit) -> None:
    unit = make_unit()
    assert unit.install("good").state == "COMMITTED"
    unit.before_command = mounted(READ_ONLY, unit.root / "var/lib/edgefuse")
    unit.kill("supervisor")
    deployment = unit.install("next")
    assert (deployment.state, "Read-only file system" in deployment.reason) == ("FAILED", True)
    unit.running.wait(lambda s: s.release == "good" and s.service.state == "RUNNING")
    unit.before_command = []
    unit.kill("supervisor")
    assert unit.finish().state == "COMMITTED"


def test_another_effect_on_trial_begins_it_anew_and_a_pause_lets_it_wait(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.wish("good")
    unit.wait(lambda deployment: deployment.step == "TRIAL")
    assert unit.running.ask(SetPin(setting="effect", value="none")) == Done()
    assert unit.running.ask(SetPaused(is_paused=True)) == Done()
    left = unit.wait(lambda deployment: deployment.step == "TRIAL").deployment
    assert left is not None and left.deployment.starts_left == 2
    assert unit.running.ask(SetPaused(is_paused=False)) == Done()
    assert unit.finish().state == "COMMITTED"
    status = unit.running.status()
    assert (status.service.restarts, status.settings["effect"].value) == (0, "none")


def test_a_window_that_is_closed_is_waited_for_and_a_reload_opens_it(make_unit: MakeUnit) -> None:
    now = datetime.now()
    window = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    unit = make_unit(window=window)
    unit.wish("good")
    unit.wait(lambda deployment: deployment.reason == "waits: the maintenance window is closed")
    unit.configure()
    unit.running.signal(signal.SIGHUP)
    assert unit.finish().state == "COMMITTED"


def test_a_unit_that_does_not_know_the_time_waits_for_it_where_there_is_a_window(make_unit: MakeUnit) -> None:
    unit = make_unit(window="00:00-12:00")
    unit.set_clock("1970-01-01T01:00:00Z")
    unit.wish("good")
    unit.wait(lambda deployment: deployment.reason.startswith("waits: this unit does not know the time"))
    unit.configure()
    unit.running.signal(signal.SIGHUP)
    assert unit.finish().state == "COMMITTED"


@pytest.mark.parametrize("later", [timedelta(days=4), timedelta(days=365 * 73)], ids=["expired", "in 2099"])
def test_what_is_signed_may_end_and_the_committed_release_keeps_running(make_unit: MakeUnit, later: timedelta) -> None:
    unit = make_unit()
    assert unit.install("good").state == "COMMITTED"
    unit.set_clock(clock.to_iso(clock.wall_now() + later))
    unit.wish("next")
    unit.wait(lambda deployment: "its publisher must sign anew, unless the clock" in deployment.reason)
    assert unit.running.status().service.restarts == 0
    unit.kill("supervisor")
    unit.running.wait(lambda s: s.release == "good" and s.service.state == "RUNNING")
    unit.set_clock(clock.to_iso(clock.wall_now()))
    assert unit.finish().state == "COMMITTED"
