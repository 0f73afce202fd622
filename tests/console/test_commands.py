"""From a request to a device's own link over a real broker, and back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from console.conftest import Place
from fakes.console import Client, showing
from fakes.daemon import Daemon
from fakes.records import STATE
from fakes.unit_status import STATUS
from fleet.conftest import Fleet, linked

from edgefuse import clock
from edgefuse.console.app import Scene
from edgefuse.console.tokens import make_token
from edgefuse.fleet.database import open_database
from edgefuse.fleet.enrolment import enrol, revoke
from edgefuse.fleet.labels import relabel
from edgefuse.link.commands import Outcome, PinPoint, SetEffect, TakeSnapshot
from edgefuse.link.messages import encode


@contextmanager
def operating(folder: Path, *online: str) -> Iterator[Client]:
    """Give an operator at a console of the site in a folder, whose store knows some devices to be online."""
    with closing(open_database(f"sqlite:///{folder}/fleet.sqlite")) as database:
        place = Place(folder, database)
        place.listen(clock.wall_now().timestamp())
        for device in online:
            place.say(device, STATE)
        with showing(Scene(folder, database)) as console:
            yield Client(console, make_token(folder, "robot", "operator"))


def command(client: Client, command: str, **args: object) -> dict[str, object]:
    """Ask a device for something, and give what came of it."""
    answer = client.ask("/api/devices/door-3/commands", {"command": command, "args": args})
    assert answer.status == 200, answer.content
    return dict(answer.json)


def test_a_device_does_what_it_is_asked_for_and_the_audit_says_who_asked(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon), operating(fleet.folder) as client:
        came = command(client, "set-effect", effect="none")
        assert (came["outcome"], came["reason"]) == ("done", "")
        daemon.outcome = Outcome(is_done=False, reason="there is no such point")
        assert command(client, "pin-point", point=7)["reason"] == "there is no such point"
        acts = client.ask("/api/audit/last").json["records"]
    assert daemon.performed == [SetEffect(effect="none"), PinPoint(point=7)]
    assert [(act["who"], act["what"], act["devices"], act["outcome"]) for act in acts] == [
        ("robot", "pin-point", ["door-3"], "failed"),
        ("robot", "set-effect", ["door-3"], "done"),
    ]


def test_a_picture_comes_with_the_answer(fleet: Fleet, daemon: Daemon) -> None:
    picture = fleet.folder.with_name("picture.jpg")
    picture.write_bytes(b"\xff\xd8 a picture")
    daemon.outcome = Outcome(file=picture, file_kind="snapshot")
    with linked(fleet, "door-3", daemon), operating(fleet.folder) as client:
        came = command(client, "snapshot")
        assert base64.b64decode(str(came["file"])) == b"\xff\xd8 a picture"
    assert daemon.performed == [TakeSnapshot()]


def test_a_device_tells_how_it_is(fleet: Fleet, daemon: Daemon) -> None:
    daemon.outcome = Outcome(result=msgspec.Raw(encode(STATUS)))
    with linked(fleet, "door-3", daemon), operating(fleet.folder, "door-3") as client:
        told = client.ask("/api/devices/door-3/status").json
        assert (told["board"], told["service"]["state"]) == ("a board", "RUNNING")
        daemon.outcome = Outcome(is_done=False, reason="it is busy")
        refused = client.ask("/api/devices/door-3/status")
        assert (refused.status, "it is busy" in refused.json["error"]) == (502, True)
        daemon.outcome = Outcome(result=msgspec.Raw(b'{"v":9}'))
        assert client.ask("/api/devices/door-3/status").status == 502


def test_a_device_that_is_away_is_not_waited_for(site: Path) -> None:
    enrol(site, "door-3")
    with operating(site) as client:
        answer = client.ask("/api/devices/door-3/status")
    assert (answer.status, answer.json["error"]) == (504, "cannot ask 'door-3' how it is: it is unseen")


def test_without_a_broker_it_says_so(site: Path) -> None:
    enrol(site, "door-3")
    with operating(site, "door-3") as client:
        for path, body in (
            ("/api/devices/door-3/status", None),
            ("/api/devices/door-3/commands", {"command": "pause"}),
            ("/api/deployments", {"release": "7", "devices": ["door-3"]}),
        ):
            answer = client.ask(path, body)
            assert (answer.status, "cannot reach the broker" in answer.json["error"]) == (503, True)
        assert client.ask("/api/audit").json["records"] == []


@pytest.mark.parametrize(
    "order",
    [
        {"command": "wish"},
        {"command": "set-clock", "args": {"challenge": "", "now": ""}},
        {"command": "pin-point"},
        {"command": "pin-point", "args": {"point": -1}},
        {"args": {}},
        [],
    ],
)
def test_what_is_no_command_is_not_sent(order: object, site: Path) -> None:
    enrol(site, "door-3")
    with operating(site) as client:
        answer = client.ask("/api/devices/door-3/commands", order)
    assert (answer.status, answer.json["error"].startswith("cannot read the request: ")) == (400, True)


def test_who_is_not_trusted_is_not_asked(site: Path) -> None:
    enrol(site, "door-3")
    revoke(site, "door-3")
    with operating(site) as client:
        for device in ("door-3", "door-4"):
            assert client.ask(f"/api/devices/{device}/commands", {"command": "pause"}).status == 404
            assert client.ask("/api/deployments", {"release": "7", "devices": [device]}).status == 404


def test_commands_are_told_with_what_they_take(site: Path) -> None:
    with operating(site) as client:
        commands = {told["command"]: told for told in client.ask("/api/commands").json["commands"]}
    assert "set-clock" not in commands
    assert commands["watch"]["args"]["properties"]["lease_s"]["maximum"] == 600
    assert [name for name, told in commands.items() if told["needs_confirmation"]] == [
        "pause",
        "restart-worker",
        "tune",
        "cancel-update",
        "reboot",
    ]
    assert commands["snapshot"]["file"] == "image/jpeg"


def test_devices_hear_which_release_is_desired_and_that_none_is(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon), operating(fleet.folder) as client:
        relabel(fleet.folder, "door-3", ["site=north"])
        wished = client.ask("/api/deployments", {"release": "7", "labels": "site=north"}).json
        assert wished["devices"] == ["door-3"]
        daemon.wait(lambda: daemon.wishes)
        assert (daemon.wishes[0].release, daemon.wishes[0].deployment) == ("7", wished["deployment"])
        taken = client.ask("/api/deployments", {"devices": ["door-3", "door-3"]}, method="DELETE")
        assert taken.json == {"devices": ["door-3"]}
        acts = client.ask("/api/audit").json["records"]
        assert [(act["what"], act["outcome"]) for act in acts] == [("update", "done"), ("take back", "done")]


@pytest.mark.parametrize("whom", [{}, {"devices": []}, {"labels": "site=south"}])
def test_who_means_nobody_is_told(whom: dict[str, object], site: Path) -> None:
    enrol(site, "door-3")
    with operating(site) as client:
        assert client.ask("/api/deployments", {"release": "7", **whom}).status == 404
