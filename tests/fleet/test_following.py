"""One deployment on several devices, from their reports in whatever order and repetition."""

from __future__ import annotations

import msgspec
import pytest
from fakes.sayings import DEPLOYMENT, ONLINE

from edgefuse.fleet.following import Ended, Following
from edgefuse.fleet.session import Heard
from edgefuse.link.messages import encode
from edgefuse.link.topics import DEPLOYMENT as REPORTED
from edgefuse.link.topics import EVENT, STATE, Address

FIRST_SEQ = 10


def report(device: str, state: str, seq: int = FIRST_SEQ, **said: object) -> Heard:
    """Give a report of the deployment that is followed."""
    told = msgspec.structs.replace(DEPLOYMENT, **{"id": "d7", "state": state, "seq": seq, **said})
    return Heard(Address(device, REPORTED), encode(told))


@pytest.fixture
def following() -> Following:
    """Of two devices."""
    return Following("d7", ["a", "b"])


def test_is_over_once_it_has_ended_on_all(following: Following) -> None:
    assert following.take(report("a", "TRIAL")) is None
    assert following.take(report("a", "COMMITTED", FIRST_SEQ + 1)) == Ended("a", "COMMITTED", "")
    assert following.take(report("b", "FAILED", reason="why")) == Ended("b", "FAILED", "why")
    assert following.is_over


def test_is_good_only_where_the_release_runs() -> None:
    states = ("COMMITTED", "REJECTED", "FAILED", "ROLLED_BACK", "CANCELLED", "SUPERSEDED")
    assert [Ended("a", state, "").is_committed for state in states] == [True, *[False] * 5]


def test_old_reports_and_repetitions_change_nothing(following: Following) -> None:
    following.note_before(report("a", "COMMITTED"))
    assert following.take(report("a", "COMMITTED")) is None
    assert following.take(report("a", "FETCH", FIRST_SEQ + 2)) is None
    assert following.take(report("a", "COMMITTED", FIRST_SEQ)) is None
    assert following.take(report("a", "COMMITTED", FIRST_SEQ + 3)) is not None


def test_device_that_counts_anew_is_believed_by_its_clock(following: Following) -> None:
    following.note_before(report("a", "COMMITTED", 90))
    assert following.take(report("a", "COMMITTED", 1, t="2026-11-21T12:00:00Z")) is not None


def test_another_deployment_from_before_is_waited_for(following: Following) -> None:
    assert following.take(report("a", "CANCELLED", id="d6")) is None
    assert following.take(report("a", "REFRESH", FIRST_SEQ + 1)) is None
    assert following.take(report("a", "COMMITTED", FIRST_SEQ + 2)) is not None


def test_another_deployment_that_came_after_ends_it(following: Following) -> None:
    following.take(report("a", "FETCH"))
    ended = following.take(report("a", "REFRESH", FIRST_SEQ + 1, id="d8", release="8"))
    assert ended == Ended("a", "SUPERSEDED", "deployment d8 of release 8 took its place")


def test_line_counts_states_and_bytes(following: Following) -> None:
    assert following.describe() == "2 waiting"
    following.take(Heard(Address("b", STATE), encode(msgspec.structs.replace(ONLINE, presence="offline"))))
    following.take(report("a", "FETCH", done_bytes=3_000_000, total_bytes=12_000_000))
    assert following.describe() == "1 FETCH, 1 offline (25% of 12.0 MB)"
    following.take(Heard(Address("b", STATE), encode(ONLINE)))
    assert following.describe().startswith("1 FETCH, 1 waiting")


@pytest.mark.parametrize(
    "heard",
    [
        Heard(Address("a", REPORTED), b"\xff"),
        Heard(Address("a", STATE), b"{}"),
        Heard(Address("a", EVENT), b"{}"),
        Heard(Address("a", REPORTED), b""),
        report("c", "COMMITTED"),
    ],
)
def test_nonsense_and_others_change_nothing(following: Following, heard: Heard) -> None:
    following.note_before(heard)
    assert following.take(heard) is None
    assert following.describe() == "2 waiting"
