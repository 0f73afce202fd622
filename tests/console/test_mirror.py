"""What of the rows is new since a change, from a store that controllers write."""

from __future__ import annotations

import pytest
from console.conftest import DEVICES, Place
from fakes.records import INVENTORY, STATE, SYSTEM
from sqlalchemy import text

from edgefuse import clock
from edgefuse.console import mirror as module
from edgefuse.console.mirror import Mirror
from edgefuse.fleet import latest
from edgefuse.fleet.database import DatabaseError
from edgefuse.fleet.site import Member


@pytest.fixture
def mirror(place: Place, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """A mirror that looks each time that it is asked."""
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    return Mirror(place.database, place.folder)


def test_who_knows_everything_is_told_nothing_until_something_is_new(place: Place, mirror: Mirror) -> None:
    everything = mirror.since(None)
    assert (everything.is_all, [row.device for row in everything.rows]) == (True, list(DEVICES))
    assert mirror.since(everything.n).rows == []
    place.say("door-4", STATE)
    news = mirror.since(everything.n)
    assert (news.is_all, [row.device for row in news.rows]) == (False, ["door-4"])
    assert news.n > everything.n
    assert mirror.since(news.n).rows == []


def test_each_is_told_what_is_new_to_them(place: Place, mirror: Mirror) -> None:
    first = mirror.since(None).n
    place.say("door-3", STATE)
    second = mirror.since(first).n
    place.say("door-4", STATE)
    assert [row.device for row in mirror.since(first).rows] == ["door-3", "door-4"]
    assert [row.device for row in mirror.since(second).rows] == ["door-4"]


def test_figures_profile_and_labels_are_news(place: Place, mirror: Mirror) -> None:
    place.say("door-3", STATE)
    n = mirror.since(None).n
    place.say("door-3", SYSTEM)
    news = mirror.since(n)
    assert [(row.temp_c, row.profile) for row in news.rows] == [(51.5, None)]
    place.say("door-3", INVENTORY)  # a moment after the state that it came with
    news = mirror.since(news.n)
    assert [row.profile for row in news.rows] == ["raspberry-pi-5"]
    place.enrol("door-4", door_3=Member(serial="a1", key_id="k1", labels={"site": "north"}))
    assert [(row.device, row.labels) for row in mirror.since(news.n).rows] == [("door-3", {"site": "north"})]


def test_a_device_that_leaves_the_site_is_gone_and_one_that_comes_back_is_there(place: Place, mirror: Mirror) -> None:
    n = mirror.since(None).n
    place.enrol("door-4")
    news = mirror.since(n)
    assert (news.gone, news.rows) == (["door-3"], [])
    place.enrol(*DEVICES)
    assert ([row.device for row in mirror.since(news.n).rows], mirror.since(news.n).gone) == (["door-3"], [])


def test_who_is_revoked_while_the_store_is_away_is_shown_as_revoked_after(
    place: Place, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = mirror.since(None).n
    place.enrol("door-4", door_3=Member(serial="a1", key_id="k1", is_revoked=True))
    with monkeypatch.context() as away:
        away.setattr(latest, "_SELECT_MARKS", text("SELECT * FROM nowhere"))
        with pytest.raises(DatabaseError):
            mirror.since(n)
    assert [(row.device, row.presence) for row in mirror.since(n).rows] == [("door-3", "revoked")]


def test_what_the_broker_forgot_is_unseen_again(place: Place, mirror: Mirror) -> None:
    place.say("door-3", STATE)
    n = mirror.since(None).n
    place.forget("door-3")
    assert [(row.device, row.presence) for row in mirror.since(n).rows] == [("door-3", "unseen")]


def test_a_device_falls_silent_without_anybody_saying_so(place: Place, mirror: Mirror) -> None:
    place.say("door-3", STATE, SYSTEM)
    n = mirror.since(None).n
    place.listen(clock.wall_now().timestamp() + 60)
    assert [(row.device, row.presence, row.temp_c) for row in mirror.since(n).rows] == [("door-3", "silent", 51.5)]


def test_a_number_of_another_start_gives_everything(place: Place, mirror: Mirror) -> None:
    before = mirror.since(None).n
    assert mirror.since(1).is_all
    assert mirror.since(before + 10**9).is_all


def test_a_mirror_that_starts_later_has_greater_numbers(place: Place, mirror: Mirror) -> None:
    n = mirror.since(None).n
    later = Mirror(place.database, place.folder)
    assert later.since(None).n >= n


def test_many_who_ask_cost_one_look(place: Place) -> None:
    mirror = Mirror(place.database, place.folder)
    n = mirror.since(None).n
    place.say("door-3", STATE)
    assert mirror.since(n).rows == []
