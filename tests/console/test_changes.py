"""What becomes new, as a browser follows it, over real sockets."""

from __future__ import annotations

import zlib
from http.client import HTTPResponse

from console.conftest import DEVICES, Place
from fakes.console import Client, read_event
from fakes.records import STATE

from edgefuse.console.tokens import revoke_token


def names(event: tuple[str, dict[str, object]]) -> tuple[str, list[object]]:
    """Give an event's name and its devices."""
    name, data = event
    rows = data["rows"]
    assert isinstance(rows, list)
    return name, [row["device"] for row in rows]


def test_the_first_event_is_everything_and_the_next_is_what_is_new(place: Place, viewer: Client) -> None:
    with viewer.follow("/api/changes") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert names(read_event(stream)) == ("rows", list(DEVICES))
        place.say("door-4", STATE)
        assert names(read_event(stream)) == ("rows", ["door-4"])


def test_who_comes_back_is_told_what_was_missed(place: Place, viewer: Client) -> None:
    with viewer.follow("/api/changes") as stream:
        n = read_event(stream)[1]["n"]
    place.say("door-4", STATE)
    with viewer.follow("/api/changes?n=1", Last_Event_ID=str(n)) as stream:
        assert names(read_event(stream)) == ("rows", ["door-4"])
    with viewer.follow(f"/api/changes?n={n}") as stream:
        assert names(read_event(stream)) == ("rows", ["door-4"])


def test_a_number_that_nobody_gave_gives_everything(viewer: Client) -> None:
    for known in ("1", "99999999999999999999999999", "x", "-1"):
        with viewer.follow("/api/changes", Last_Event_ID=known) as stream:
            name, data = read_event(stream)
            assert (name, data["is_all"]) == ("rows", True)


def test_events_come_packed_for_who_can_unpack_them(place: Place, viewer: Client) -> None:
    with viewer.follow("/api/changes", Accept_Encoding="gzip") as stream:
        assert stream.headers["Content-Encoding"] == "gzip"
        unpacker, text = zlib.decompressobj(31), ""

        def read_until(word: str) -> None:
            nonlocal text
            while word not in text:
                text += unpacker.decompress(stream.read1(65536)).decode()

        read_until('"is_all":true')
        place.say("door-4", STATE)
        read_until('"is_all":false')
        assert '"presence":"online"' in text


def test_a_store_that_cannot_be_read_is_told_until_it_can_be(place: Place, viewer: Client) -> None:
    with viewer.follow("/api/changes") as stream:
        read_event(stream)
        (place.folder / "site.json").rename(place.folder / "away")
        name, data = read_event(stream)
        assert name == "trouble"
        assert "cannot load site" in data["error"]
        (place.folder / "away").rename(place.folder / "site.json")
        place.say("door-4", STATE)
        assert names(read_next_rows(stream)) == ("rows", ["door-4"])


def test_who_may_see_it_no_longer_sees_no_more(place: Place, viewer: Client) -> None:
    with viewer.follow("/api/changes") as stream:
        read_event(stream)
        revoke_token(place.folder, "screen")
        assert stream.read() == b""


def read_next_rows(stream: HTTPResponse) -> tuple[str, dict[str, object]]:
    """Give the next event with rows."""
    while (event := read_event(stream))[0] != "rows":
        pass
    return event
