"""Prometheus and Home Assistant on the command line of a fleet."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edgefuse.__main__ import main
from edgefuse.fleet.site import load_register


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Where an operator works who has just made a site."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)
    assert main(["fleet", "init", "--host", "broker.example"]) == 0
    capsys.readouterr()
    return tmp_path


def test_home_assistant_gets_three_files_of_which_others_do_not_read_the_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", "home-assistant"]) == 0
    made = folder / "home-assistant"
    assert sorted(path.name for path in made.iterdir()) == ["ca.pem", "client.key", "client.pem"]
    assert stat.S_IMODE((made / "client.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (made / "ca.pem").read_bytes() == (folder / "root/fleet/ca.pem").read_bytes()
    assert "broker.example, port 8883" in capsys.readouterr().out


def test_a_folder_that_is_there_is_kept_and_the_certificate_lives_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", "home-assistant", "ha"]) == 0
    before = load_register(folder / "root/fleet")
    assert main(["fleet", "home-assistant", "ha"]) == 2
    assert "cannot write ha: it exists" in capsys.readouterr().err
    assert load_register(folder / "root/fleet") == before


def test_refused_certificate_leaves_no_folder_in_the_way(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "root/fleet/ca.key").rename(folder / "ca.key")
    assert main(["fleet", "home-assistant"]) == 2
    assert "cannot load the site's authority" in capsys.readouterr().err
    assert not (folder / "home-assistant").exists()
    (folder / "ca.key").rename(folder / "root/fleet/ca.key")
    assert main(["fleet", "home-assistant"]) == 0


def test_home_assistant_is_shut_out(folder: Path) -> None:
    assert main(["fleet", "home-assistant"]) == 0
    assert main(["fleet", "home-assistant", "--end"]) == 0
    register = load_register(folder / "root/fleet")
    assert (register.home_assistant, len(register.revoked)) == ("", 1)


def test_serving_metrics_where_one_cannot_listen_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "serve", "--metrics", "everywhere"]) == 2
    assert "cannot listen on 'everywhere': give ADDRESS:PORT, or a PORT" in capsys.readouterr().err
