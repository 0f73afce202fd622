"""The install helper's work, step by step, and whose fault it is where one comes to nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from fakes.helped_unit import DETECTOR, HelpedUnit
from fakes.web_server import serving

from edgefuse import clock
from edgefuse.ota.deployment import Step
from edgefuse.ota.events import Done, Failed, Inspected, Progressed, Resolved
from edgefuse.ota.fetching import open_fetcher
from edgefuse.ota.helper import Helper
from edgefuse.ota.parts import Part, parts_folder
from edgefuse.ota.staging import load_offer
from edgefuse.ota.wire import HelperAnswer
from edgefuse.store.state import State
from edgefuse.store.terms import Constraints

NEW = DETECTOR + b"and what it has learned since" * 200


class Doing:
    """Does steps in this process, on a unit for which release ``two`` was published."""

    def __init__(self, unit: HelpedUnit, **keys: object) -> None:
        self.unit = unit
        self.two = unit.publish("two", 2, NEW, **keys)
        self.progress: list[Progressed] = []

    def do(self, *steps: Step, **changes: object) -> HelperAnswer:
        """Do steps, and give the last answer."""
        for step in steps:
            job = self.unit.make_job(step, "two", **changes)
            answer = Helper(job, open_fetcher(self.unit.settings.repository), self.progress.append).run()
        return answer

    def fail(self, *steps: Step, **changes: object) -> tuple[str, str]:
        """Do steps of which the last fails; give whose fault that is, and why."""
        failed = self.do(*steps, **changes)
        assert isinstance(failed, Failed)
        return failed.fault, failed.reason

    @property
    def published(self) -> Path:
        """Where the repository has the new detector."""
        return self.unit.site.published / "targets/models/detect_faces" / self.sha256

    @property
    def sha256(self) -> str:
        """Of the new detector."""
        return hashlib.sha256(NEW).hexdigest()

    @property
    def part(self) -> Part:
        """What has come of it."""
        return Part(parts_folder(self.unit.store), self.sha256)

    @property
    def delta(self) -> Part:
        """What has come of a delta from the old one."""
        return Part(parts_folder(self.unit.store), self.sha256, hashlib.sha256(DETECTOR).hexdigest())

    @property
    def published_delta(self) -> Path:
        """Where the repository has it."""
        return self.published.with_name(f"{self.sha256}.from.{self.delta.base_sha256}")


@pytest.fixture
def doing(unit: HelpedUnit) -> Doing:
    return Doing(unit)


@pytest.fixture
def by_delta(unit: HelpedUnit) -> Doing:
    """There is a delta from what runs."""
    return Doing(unit, bases=[unit.first])


def test_a_release_comes_step_by_step(doing: Doing) -> None:
    assert doing.do("REFRESH") == Done(7)
    resolved = doing.do("RESOLVE")
    assert isinstance(resolved, Resolved)
    assert (resolved.counter, resolved.current, load_offer(doing.unit.store)) == (2, "first", doing.two)
    assert doing.do("PREFLIGHT") == Inspected(7, needed_bytes=2 * len(NEW))
    assert doing.do("FETCH") == Done(7)
    assert doing.unit.parts() == (doing.part,)
    assert not doing.unit.has(doing.two)
    assert doing.do("REBUILD", "VERIFY") == Done(7)
    assert doing.unit.has(doing.two)
    assert doing.unit.parts() == ()


def test_what_is_here_needs_no_repository(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH", "REBUILD")
    doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository="/nowhere")
    assert doing.do("FETCH", "REBUILD", "VERIFY") == Done(7)


def test_a_release_that_was_not_published_yet_is_waited_for(doing: Doing) -> None:
    job = doing.unit.make_job("REFRESH", "three")
    failed = Helper(job, open_fetcher(doing.unit.settings.repository), doing.progress.append).run()
    assert failed == Failed(7, "the repository does not have release three; publish it", "later")


def test_a_release_that_was_withdrawn_is_rejected(doing: Doing) -> None:
    job = doing.unit.make_job("RESOLVE", "three")
    failed = Helper(job, open_fetcher(doing.unit.settings.repository), doing.progress.append).run()
    assert isinstance(failed, Failed)
    assert failed.fault == "rejected"


def test_a_release_for_other_boards_is_a_misfit(unit: HelpedUnit) -> None:
    doing = Doing(unit, constraints=Constraints(profiles=("raspberry-pi-4",)))
    assert doing.do("RESOLVE", "PREFLIGHT") == Inspected(7, misfit="it is for raspberry-pi-4 only")


def test_a_release_without_a_tracker_is_a_misfit(unit: HelpedUnit) -> None:
    doing = Doing(unit, tracker=None)
    inspected = doing.do("RESOLVE", "PREFLIGHT")
    assert isinstance(inspected, Inspected)
    assert "release two has no model for it" in inspected.misfit
    assert doing.fail("FETCH")[0] == "rejected"


def test_a_unit_whose_runtimes_are_not_known_waits_for_its_worker(doing: Doing) -> None:
    doing.unit.remember(State())
    for steps in (("RESOLVE", "PREFLIGHT"), ("FETCH",), ("REBUILD",), ("VERIFY",)):
        fault, reason = doing.fail(*steps)  # type: ignore[arg-type]
        assert (fault, "were not probed yet" in reason) == ("later", True)


def _is_gone(doing: Doing) -> None:
    doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository="/nowhere")


def _is_not_reached(doing: Doing) -> None:
    doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository="http://127.0.0.1:1")


def _log_in_page(doing: Doing) -> None:
    (doing.unit.site.metadata / "timestamp.json").write_text("<html>Welcome! Please log in</html>")


def _wrong_key(doing: Doing) -> None:
    doing.unit.site.forge("timestamp", lambda _: None, *doing.unit.site.keys_of("releases"))


def _old_metadata(doing: Doing) -> None:
    old = doing.unit.site.keep("old")
    doing.do("REFRESH")
    doing.unit.publish("three", 3, b"the newest")
    doing.do("REFRESH")
    doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository=str(old))


def _no_anchor(doing: Doing) -> None:
    (doing.unit.root / "etc/edgefuse/root.json").unlink()


@pytest.mark.parametrize(
    ("mishap", "fault", "reason"),
    [
        (_is_gone, "later", "try again later"),
        (_is_not_reached, "later", "cannot be reached"),
        (_log_in_page, "later", "as a proxy or a log-in page does"),
        (_wrong_key, "rejected", "too few of the keys"),
        (_old_metadata, "rejected", "older metadata than this device has seen"),
        (_no_anchor, "failed", "cannot read the pinned root file"),
    ],
)
def test_mishaps_are_told_by_whose_fault_they_are(
    doing: Doing, mishap: Callable[[Doing], None], fault: str, reason: str
) -> None:
    mishap(doing)
    found, text = doing.fail("REFRESH")
    assert (found, reason in text) == (fault, True), text


@pytest.mark.parametrize("step", ["REFRESH", "FETCH"])
def test_an_expired_timestamp_is_waited_for(doing: Doing, step: Step) -> None:
    doing.do("RESOLVE")
    fault, reason = doing.fail(step, trusted_time=clock.to_iso(clock.wall_now() + timedelta(days=4)))
    assert (fault, "its publisher must sign anew, unless the clock" in reason) == ("later", True)
    assert doing.do(step) == Done(7)


def test_a_clock_that_says_2099_is_waited_for_and_leaves_no_trace(doing: Doing) -> None:
    assert doing.fail("REFRESH", trusted_time="2099-01-01T00:00:00Z")[0] == "later"
    assert doing.do("REFRESH") == Done(7)


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", ""])
def test_a_unit_without_a_clock_goes_by_what_was_signed(doing: Doing, time: str) -> None:
    assert doing.do("REFRESH", "RESOLVE", "FETCH", trusted_time=time) == Done(7)


def test_what_is_fetched_is_told_from_nothing_to_all(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH")
    assert doing.progress[0] == Progressed(7, done_bytes=0, total_bytes=len(NEW))
    assert doing.progress[-1] == Progressed(7, done_bytes=len(NEW), total_bytes=len(NEW))


def test_a_fetch_goes_on_where_it_was_broken_off(doing: Doing) -> None:
    with serving() as web:
        _serve(doing, web.files)
        doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository=web.url)
        doing.do("RESOLVE", "FETCH")  # all metadata is here but for the timestamp, which is asked for again
        doing.part.remove()
        web.cuts_bytes = [1 << 20, 20_000]
        fault, reason = doing.fail("FETCH")
        assert (fault, "broke off" in reason) == ("later", True)
        here_bytes = doing.part.size_bytes
        assert 0 < here_bytes <= 20_000
        assert doing.do("FETCH") == Done(7)
        assert web.ranges[-1] == f"bytes={here_bytes}-"
        assert doing.part.path.read_bytes() == NEW


def _serve(doing: Doing, files: dict[str, bytes]) -> None:
    published = doing.unit.site.published
    files.update(
        {f"/{path.relative_to(published)}": path.read_bytes() for path in published.rglob("*") if path.is_file()}
    )


@pytest.mark.parametrize("poison", [b"something else", NEW[:-1] + b"!", NEW + b"and more"])
def test_a_part_that_is_another_file_is_fetched_anew(doing: Doing, poison: bytes) -> None:
    doing.do("RESOLVE")
    doing.part.folder.mkdir()
    doing.part.path.write_bytes(poison)
    assert doing.do("FETCH") == Done(7)
    assert doing.part.path.read_bytes() == NEW
    assert doing.progress[-1].done_bytes == len(NEW)


def test_a_repository_with_another_file_is_refused_and_leaves_nothing(doing: Doing) -> None:
    doing.do("RESOLVE")
    doing.published.write_bytes(bytes(len(NEW)))
    fault, reason = doing.fail("FETCH")
    assert (fault, "which was not signed" in reason) == ("rejected", True)
    assert doing.unit.parts() == ()


def test_a_file_that_is_not_published_yet_is_waited_for(doing: Doing) -> None:
    doing.do("RESOLVE")
    content = doing.published.read_bytes()
    doing.published.unlink()
    assert doing.fail("FETCH")[0] == "later"
    doing.published.write_bytes(content)
    assert doing.do("FETCH") == Done(7)


def test_parts_of_another_release_go(doing: Doing) -> None:
    doing.do("RESOLVE")
    other = Part(parts_folder(doing.unit.store), "ab" * 32)
    other.folder.mkdir()
    other.path.write_bytes(b"x")
    doing.do("FETCH")
    assert doing.unit.parts() == (doing.part,)


def test_a_delta_comes_in_place_of_the_file(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    assert by_delta.unit.parts() == (by_delta.delta,)
    size_bytes = by_delta.published_delta.stat().st_size
    assert by_delta.progress[-1] == Progressed(7, done_bytes=size_bytes, total_bytes=size_bytes)
    assert by_delta.do("REBUILD", "VERIFY") == Done(7)
    assert by_delta.unit.has(by_delta.two)


def test_a_delta_whose_base_is_not_here_is_not_asked_for(by_delta: Doing) -> None:
    by_delta.do("RESOLVE")
    assert by_delta.delta.base_sha256 is not None
    by_delta.unit.store.remove(by_delta.delta.base_sha256)
    by_delta.do("FETCH")
    assert by_delta.unit.parts() == (by_delta.part,)


def test_without_deltas_the_whole_file_comes_and_the_delta_goes(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    by_delta.do("FETCH", allows_deltas=False)
    assert by_delta.unit.parts() == (by_delta.part,)
    assert by_delta.do("REBUILD", "VERIFY") == Done(7)
    assert by_delta.unit.has(by_delta.two)


@pytest.mark.parametrize("mishap", [lambda path: path.unlink(), lambda path: path.write_bytes(b"EFD1")])
def test_a_delta_that_the_repository_lost_or_broke_leads_to_the_whole_file(
    by_delta: Doing, mishap: Callable[[Path], object]
) -> None:
    by_delta.do("RESOLVE")
    mishap(by_delta.published_delta)
    fault, reason = by_delta.fail("FETCH")
    assert (fault, "cannot use a delta to detect_faces" in reason) == ("failed", True)
    assert by_delta.do("FETCH", "REBUILD", "VERIFY", allows_deltas=False) == Done(7)


def test_a_delta_that_leads_elsewhere_goes(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    base = by_delta.unit.store.path(by_delta.delta.base_sha256 or "")
    base.chmod(0o644)
    base.write_bytes(bytes(len(DETECTOR)))  # as it may be on a failing disk
    fault, reason = by_delta.fail("REBUILD")
    assert (fault, "cannot rebuild" in reason) == ("failed", True)
    assert by_delta.unit.parts() == ()
    assert by_delta.do("FETCH", "REBUILD", allows_deltas=False) == Done(7)


def test_a_part_that_rots_before_it_becomes_a_blob_goes(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH")
    doing.part.path.write_bytes(bytes(len(NEW)))
    assert doing.fail("REBUILD")[0] == "failed"
    assert doing.unit.parts() == ()
    assert not doing.unit.store.has(doing.sha256)
    assert doing.do("FETCH", "REBUILD") == Done(7)


def test_what_was_not_fetched_cannot_be_rebuilt(doing: Doing) -> None:
    doing.do("RESOLVE")
    fault, reason = doing.fail("REBUILD")
    assert (fault, reason) == ("failed", "cannot keep detect_faces: it was not fetched")


def test_a_blob_that_rots_is_taken_out(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH", "REBUILD")
    blob = doing.unit.store.path(doing.sha256)
    blob.chmod(0o644)
    blob.write_bytes(bytes(len(NEW)))
    assert doing.fail("VERIFY")[0] == "failed"
    assert not doing.unit.store.has(doing.sha256)
    assert doing.do("FETCH", "REBUILD", "VERIFY") == Done(7)


def test_a_name_of_a_part_that_a_power_cut_left_beside_its_blob_goes(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH", "REBUILD")
    doing.part.path.hardlink_to(doing.unit.store.path(doing.sha256))
    assert doing.do("VERIFY") == Done(7)
    assert (doing.unit.parts(), doing.unit.has(doing.two)) == ((), True)
