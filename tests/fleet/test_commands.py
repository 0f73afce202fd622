"""``edgefuse fleet`` as an operator has it: real commands, a real broker, a real link."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from fakes.daemon import Daemon
from fleet.conftest import Fleet, linked

from edgefuse.__main__ import main
from edgefuse.link.commands import Outcome, SetEffect


def run(fleet: Fleet, *arguments: str) -> int:
    """Run an action of ``edgefuse fleet`` on the site."""
    return main(["fleet", *arguments, "--site", str(fleet.folder)])


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
