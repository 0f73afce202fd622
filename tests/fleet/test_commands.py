"""``edgefuse fleet`` as an operator has it: real commands, a real broker, a real link."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.daemon import Daemon
from fakes.unit_status import STATUS
from fleet.conftest import Fleet, linked
from screenshot.terminal import Terminal

from edgefuse.__main__ import main
from edgefuse.link.commands import Outcome, Pause, Resume, SetEffect
from edgefuse.trusted_time import TrustedTime


def run(fleet: Fleet, *arguments: str) -> int:
    """Run an action of ``edgefuse fleet`` on the site."""
    return main(["fleet", *arguments, "--site", str(fleet.folder)])


def report_often(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """Have the device report every two seconds, not every ten."""
    assert run(fleet, "send", "door-3", "watch") == 0
    capsys.readouterr()


def test_reply_is_told_to_people_and_programs(fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    with linked(fleet, "door-3", daemon):
        assert run(fleet, "send", "door-3", "set-effect", "anonymise") == 0
        assert capsys.readouterr().out == "door-3: done\n"
        assert run(fleet, "send", "door-3", "reboot", "-o", "json") == 1
        assert json.loads(capsys.readouterr().out)["outcome"] == "refused"
        daemon.outcome = Outcome(is_done=False, reason="the camera is gone")
        assert run(fleet, "send", "door-3", "pause", "-o", "yaml") == 1
        assert yaml.safe_load(capsys.readouterr().out)["reason"] == "the camera is gone"
    assert daemon.performed[0] == SetEffect(effect="anonymise")


def test_picture_is_written_for_its_owner_alone(fleet: Fleet, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"picture")
    daemon.outcome = Outcome(file=tmp_path / "taken", file_kind="snapshot")
    with linked(fleet, "door-3", daemon):
        assert run(fleet, "send", "door-3", "snapshot", "--file", str(tmp_path / "door.jpg")) == 0
    assert (tmp_path / "door.jpg").read_bytes() == b"picture"
    assert (tmp_path / "door.jpg").stat().st_mode & 0o077 == 0


def test_silence_has_an_exit_code_of_its_own(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.join("door-3")
    assert run(fleet, "send", "door-3", "pause", "--wait-s", "0.2") == 3
    assert "it does not answer" in capsys.readouterr().err


def sending(fleet: Fleet, *options: str) -> Terminal:
    """Ask a device that is away for something, on a terminal."""
    fleet.join("door-3")
    asked = ("send", "door-3", "set-effect", "none", *options, "--site", str(fleet.folder))
    environ = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return Terminal((sys.executable, "-m", "edgefuse", "fleet", *asked), 100, 24, environ)


def test_who_looks_at_a_terminal_is_told_what_is_waited_for(fleet: Fleet) -> None:
    with sending(fleet) as screen:
        screen.wait_until(lambda cells: "waiting for door-3: set-effect, 4 min 5 s at most" in cells.text)


def test_programs_on_a_terminal_are_told_of_no_wait(fleet: Fleet) -> None:
    with sending(fleet, "--wait-s", "2", "-o", "json") as screen:
        assert screen.finish() == 3
    assert "waiting" not in screen.cells.text
    assert '"silent"' in screen.cells.text


def test_list_has_the_figures_of_every_device(fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.join("unseen")
    with linked(fleet, "door-3", daemon):
        report_often(fleet, capsys)
        assert run(fleet, "list", "-o", "json", "--wait-s", "60") == 0
    found = {row["device"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["unseen"]["presence"] == "unseen"
    device = found["door-3"]
    assert (device["presence"], device["temp_c"], device["fps"], device["point"]) == ("online", 51.5, 29.8, 0)


def test_board_without_a_clock_is_told_the_time_on_the_way(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    unset = TrustedTime(wall=lambda: datetime(1970, 1, 1, tzinfo=timezone.utc))
    with linked(fleet, "door-3", daemon, unset):
        assert run(fleet, "send", "door-3", "pause") == 0
        assert run(fleet, "send", "door-3", "set-clock", "-o", "json") == 0
        assert run(fleet, "send", "door-3", "resume", "-o", "json") == 0
    said, _, documents = capsys.readouterr().out.partition("\n")
    assert (said, documents.count('"outcome": "done"')) == ("door-3: done", 2)
    assert daemon.performed == [Pause(), Resume()]


def test_labels_choose_whom_a_command_goes_to_and_the_worst_decides_the_code(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.join("away")
    fleet.join("other")
    with linked(fleet, "door-3", daemon):
        for device in ("away", "door-3"):
            assert run(fleet, "label", device, "site=north") == 0
        capsys.readouterr()
        assert run(fleet, "send", "-l", "site=north,!spare", "pause", "--wait-s", "3", "-o", "json") == 3
        sent = {of["device"]: of["outcome"] for of in json.loads(capsys.readouterr().out)}
        assert run(fleet, "send", "-l", "site", "set-effect", "none", "--wait-s", "3") == 3
        told = capsys.readouterr()
        assert (told.out, "waiting" in told.err) == ("door-3: done\n", False)
    assert sent == {"door-3": "done", "away": "silent"}
    assert len(daemon.performed) == 2


def test_list_shows_labels_and_only_who_has_them(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.join("other")
    with linked(fleet, "door-3", daemon):
        report_often(fleet, capsys)
        assert run(fleet, "label", "door-3", "site=north") == 0
        assert run(fleet, "list", "-l", "site=north", "-o", "wide", "--wait-s", "60") == 0
    _, _, *lines = capsys.readouterr().out.splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [("door-3", "site=north")]


def test_list_does_not_wait_for_devices_that_say_nothing(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    with linked(fleet, "door-3", daemon):
        pass
    assert run(fleet, "list", "-o", "yaml", "--wait-s", "600") == 0
    assert [row["presence"] for row in yaml.safe_load(capsys.readouterr().out)] == ["offline"]


@pytest.mark.parametrize(("fleet", "mqtt"), [("mosquitto", "5"), ("embedded", "3.1.1")], indirect=["fleet"])
def test_show_has_everything_of_one_device(
    fleet: Fleet, mqtt: str, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    with linked(fleet, "door-3", daemon):
        report_often(fleet, capsys)
        assert run(fleet, "show", "door-3", "--wait-s", "60") == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert (shown["summary"]["presence"], shown["state"]["mqtt"]) == ("online", mqtt)
    assert shown["system"]["temp_c"] == {"cpu": 51.5}
    assert shown["pipeline"]["latency_ms"]["p95"] == 28.0
    assert run(fleet, "show", "door-4") == 2


def test_why_asks_the_device_and_does_without_where_it_cannot(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.join("unseen")
    with linked(fleet, "door-3", daemon):
        report_often(fleet, capsys)
        daemon.outcome = Outcome(result=msgspec.Raw(msgspec.json.encode(STATUS)))
        assert run(fleet, "why", "door-3", "-o", "json") == 0
        answered = json.loads(capsys.readouterr().out)
        daemon.outcome = Outcome(is_done=False, reason="the worker is gone")
        assert run(fleet, "why", "door-3") == 0
        assert "gave no status (failed: the worker is gone)" in (text := capsys.readouterr().out)
        assert "51.5 C" in text
    assert answered["status"]["profile"] == STATUS.profile
    assert answered["sentences"]["answer"][0].startswith("it answered a signed command")
    assert run(fleet, "why", "door-3") == 0
    assert "it took leave" in capsys.readouterr().out
    assert run(fleet, "why", "unseen", "-o", "yaml") == 0
    assert "never heard of it" in capsys.readouterr().out
    assert run(fleet, "why", "nobody") == 2


def test_watch_is_live_and_says_when_the_broker_is_lost(
    fleet: Fleet, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (sys.executable, "-m", "edgefuse", "fleet", "watch", "--site", str(fleet.folder))
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    fleet.join("unseen")
    with linked(fleet, "door-3", daemon), Terminal(command, 100, 24, environ) as screen:
        report_often(fleet, capsys)
        screen.wait_until(lambda cells: "51.5" in cells.text and "1 online, 1 unseen" in cells.text)
        fleet.broker.kill()
        screen.wait_until(lambda cells: "cannot r" in cells.text)
        fleet.broker.start()
        screen.wait_until(lambda cells: "1 online, 1 unseen" in cells.text)
        screen.type("q")
        assert screen.finish() == 0
        assert screen.is_restored


def test_watch_without_a_terminal_says_what_to_do(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fleet, "watch") == 2
    assert "edgefuse fleet list" in capsys.readouterr().err
