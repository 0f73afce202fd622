"""A device joins a fleet."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest

from edgefuse.__main__ import main
from edgefuse.config.link import LinkSettings
from edgefuse.config.loader import parse
from edgefuse.fleet.enrolment import enrol, init_site, rotate
from edgefuse.link.credentials import encode_line
from edgefuse.link.target import make_target


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device on which nobody has done anything yet, with the files of two enrolments beside it."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site"
    init_site(site, "broker.example", 8883)
    Path("first.join").write_text(encode_line(enrol(site, "door-3")))
    Path("second.join").write_text(encode_line(rotate(site, "door-3")))
    return tmp_path / "root"


def test_what_it_prints_and_writes_is_all_that_the_link_needs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", "first.join"]) == 0
    out = capsys.readouterr().out
    section = out[out.index("  broker:") : out.index("first.join holds")]
    settings = parse(section, LinkSettings, "printed")
    assert settings.device_id == "door-3"
    assert make_target(settings, "", b"").tls is not None
    assert {stat.S_IMODE(path.stat().st_mode) for path in (root / "etc/edgefuse/link").iterdir()} == {0o600}


def test_line_comes_by_standard_input(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(Path("first.join").read_text() + "\n"))
    assert main(["join", "-"]) == 0
    assert (root / "etc/edgefuse/link/device.key").exists()


def test_line_as_an_argument_is_refused_and_not_repeated(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Path("first.join").read_text()
    assert main(["join", line]) == 2
    said = capsys.readouterr().err
    assert "all users of this machine see it" in said
    assert line not in said


def test_joining_twice_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["join", "first.join"])
    before = (root / "etc/edgefuse/link").stat().st_ino
    assert main(["join", "first.join"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert (root / "etc/edgefuse/link").stat().st_ino == before


def test_other_credentials_are_replaced_only_when_told_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = root / "etc/edgefuse/link/device.pem"
    main(["join", "first.join"])
    before = certificate.read_text()
    assert main(["join", "second.join"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert certificate.read_text() == before
    assert main(["join", "second.join", "--replace"]) == 0
    assert certificate.read_text() != before


@pytest.mark.parametrize("text", ["", "hello", "edgefuse-join-1.AAAA", "\x00\xff"])
def test_file_that_is_no_enrolment_is_refused(root: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong").write_text(text)
    assert main(["join", "wrong"]) == 2
    assert capsys.readouterr().err.startswith("edgefuse: cannot join: ")
    assert not (root / "etc").exists()


def test_file_that_is_not_there_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", "missing.join"]) == 2
    assert "cannot read missing.join" in capsys.readouterr().err
