"""The install helper's work, step by step, and whose fault it is where one comes to nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from fakes.helped_steps import NEW, Doing
from fakes.helped_unit import HelpedUnit

from edgefuse import clock
from edgefuse.ota.deployment import Step
from edgefuse.ota.events import Done, Failed, Inspected, Resolved
from edgefuse.ota.fetching import open_fetcher
from edgefuse.ota.helper import Helper
from edgefuse.ota.staging import load_offer
from edgefuse.store.state import State
from edgefuse.store.terms import Constraints


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
