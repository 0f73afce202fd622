"""What devices say becomes one row each."""

from __future__ import annotations

import msgspec
import pytest
from fakes.sayings import DEPLOYMENT, ONLINE
from fakes.sayings import PIPELINE as PIPELINE_REPORT
from fakes.sayings import SYSTEM as SYSTEM_REPORT

from edgefuse import clock
from edgefuse.fleet.roster import Roster, Row
from edgefuse.fleet.site import Member, Register
from edgefuse.link.messages import Message, encode
from edgefuse.link.topics import DEPLOYMENT as REPORTED
from edgefuse.link.topics import EVENT, INVENTORY, PIPELINE, STATE, SYSTEM, Address, Topic

SECOND_NS = clock.NS_PER_S


@pytest.fixture
def roster() -> Roster:
    """Two enrolled devices, one of them revoked."""
    members = {"a": Member(serial="1", key_id="k"), "gone": Member(serial="2", key_id="k", is_revoked=True)}
    return Roster(Register(host="h", port=8883, key_id="k", members=members), now_ns=0)


def say(roster: Roster, topic: Topic, message: Message, at_s: int = 0, device: str = "a", **changes: object) -> None:
    """Let a device say something, changed as wished."""
    payload = encode(msgspec.structs.replace(message, **changes))
    roster.take(Address(device, topic), payload, at_s * SECOND_NS)


def row(roster: Roster, at_s: int = 0, device: str = "a") -> Row:
    """Give one device's row."""
    return next(row for row in roster.rows(at_s * SECOND_NS) if row.device == device)


def test_device_that_was_never_heard_of_is_unseen(roster: Roster) -> None:
    assert [(row.device, row.presence) for row in roster.rows(0)] == [("a", "unseen"), ("gone", "revoked")]
    assert roster.is_complete


def test_reports_fill_the_row(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    assert not roster.is_complete
    say(roster, SYSTEM, SYSTEM_REPORT)
    say(roster, PIPELINE, PIPELINE_REPORT)
    assert roster.is_complete
    found = row(roster, at_s=4)
    assert (found.presence, found.report_age_s) == ("online", 4.0)
    assert (found.temp_c, found.fps, found.point, found.band) == (60.25, 29.8, 1, "warm")


def test_board_without_a_sensor_has_reported_and_has_no_temperature(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT, temp_c={})
    assert (row(roster).temp_c, row(roster).report_age_s) == (None, 0.0)


def test_device_that_misses_three_reports_is_silent_until_the_next(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT)
    assert row(roster, at_s=30).presence == "online"
    assert row(roster, at_s=31).presence == "silent"
    say(roster, SYSTEM, SYSTEM_REPORT, at_s=31, n=2)
    assert row(roster, at_s=31).presence == "online"


def test_metered_device_has_more_time_and_is_not_waited_for(roster: Roster) -> None:
    say(roster, STATE, ONLINE, mode="metered")
    assert roster.is_complete
    assert row(roster, at_s=180).presence == "online"
    assert row(roster, at_s=181).presence == "silent"


def test_offline_device_shows_no_figures(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT)
    say(roster, STATE, ONLINE, presence="offline")
    assert (row(roster).presence, row(roster).temp_c, row(roster).release) == ("offline", None, "0")


def test_pipeline_that_no_longer_reports_shows_no_figures(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT)
    say(roster, PIPELINE, PIPELINE_REPORT)
    say(roster, SYSTEM, SYSTEM_REPORT, n=2)
    assert row(roster).fps == 29.8  # its own report is on the way
    say(roster, SYSTEM, SYSTEM_REPORT, n=3)
    assert row(roster).fps is None


def test_reports_that_waited_on_the_device_do_not_replace_newer_ones(roster: Roster) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT, n=9)
    say(roster, SYSTEM, SYSTEM_REPORT, n=8, t="2026-11-20T11:00:00Z", temp_c={"cpu": 20.0})
    assert row(roster).temp_c == 60.25


@pytest.mark.parametrize("changes", [{"n": 2, "t": "1970-01-01T00:00:00Z"}, {"n": 0, "t": "2026-11-20T13:00:00Z"}])
def test_clock_that_was_set_back_and_a_restart_do_not_stop_reports(roster: Roster, changes: dict[str, object]) -> None:
    say(roster, STATE, ONLINE)
    say(roster, SYSTEM, SYSTEM_REPORT)
    say(roster, SYSTEM, SYSTEM_REPORT, temp_c={"cpu": 20.0}, **changes)
    assert row(roster).temp_c == 20.0


def test_revoked_device_stays_revoked_whatever_the_broker_holds(roster: Roster) -> None:
    say(roster, STATE, ONLINE, device="gone")
    assert row(roster, device="gone").presence == "revoked"
    assert roster.is_complete


@pytest.mark.parametrize("topic", [STATE, INVENTORY, SYSTEM, PIPELINE, EVENT])
@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"v":2,"t":""}', b"\xff" * 9])
def test_nonsense_changes_nothing(roster: Roster, topic: Topic, payload: bytes) -> None:
    before = roster.rows(0)
    roster.take(Address("a", topic), payload, 0)
    assert roster.rows(0) == before


def test_newest_deployment_is_shown(roster: Roster) -> None:
    assert row(roster).deployment is None
    say(roster, REPORTED, DEPLOYMENT)
    say(roster, REPORTED, DEPLOYMENT, state="FETCH", seq=DEPLOYMENT.seq - 1)
    assert row(roster).deployment == DEPLOYMENT
    say(roster, REPORTED, DEPLOYMENT, state="COMMITTED", seq=DEPLOYMENT.seq + 1)
    shown = row(roster).deployment
    assert shown is not None
    assert shown.state == "COMMITTED"
