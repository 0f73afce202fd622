"""The operator's side on the command line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from fakes.broker import free_port

from edgefuse.__main__ import main
from edgefuse.fleet.site import load_register
from edgefuse.link.credentials import decode_line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Where an operator works who has just made a site."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)
    assert main(["fleet", "init", "--host", "broker.example"]) == 0
    assert "mosquitto -c " in capsys.readouterr().out
    return tmp_path


def test_site_lies_where_its_maker_says(folder: Path) -> None:
    assert main(["fleet", "init", "here", "--host", "h"]) == 0
    assert main(["fleet", "enrol", "a", "--site", "here"]) == 0
    assert f"cafile {folder}/here/ca.pem" in (folder / "here/mosquitto.conf").read_text()
    assert list(load_register(folder / "here").members) == ["a"]
    assert not load_register(folder / "root/fleet").members


def test_enrolment_is_one_file_that_only_its_owner_reads(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "enrol", "door-3"]) == 0
    path = folder / "door-3.join"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert decode_line(path.read_text()).broker == "mqtts://broker.example:8883"
    assert path.read_text().strip() not in "".join(capsys.readouterr())


def test_enrolment_is_printed_as_one_line_for_pasting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "enrol", "door-3", "-"]) == 0
    assert decode_line(capsys.readouterr().out).device_id == "door-3"
    assert not list(folder.glob("*.join"))


def test_file_that_exists_is_kept_and_nobody_is_enrolled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "door-3.join").write_text("older")
    assert main(["fleet", "enrol", "door-3"]) == 2
    assert "it exists" in capsys.readouterr().err
    assert (folder / "door-3.join").read_text() == "older"
    assert not load_register(folder / "root/fleet").members


def test_refused_enrolment_leaves_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "enrol", "door-3", "-"]) == 0
    assert main(["fleet", "enrol", "door-3"]) == 2
    assert "fleet rotate door-3" in capsys.readouterr().err
    assert not list(folder.glob("*.join"))


def test_folder_that_is_not_there_is_told_before_anything_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", "enrol", "door-3", "no/such"]) == 2
    assert "cannot write no/such" in capsys.readouterr().err
    assert not load_register(folder / "root/fleet").members


def test_labels_are_given_changed_and_chosen_by(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for device, floor in (("door-3", "3"), ("door-4", "4")):
        assert main(["fleet", "enrol", device, "-", "--label", f"floor={floor}", "--label", "site=north"]) == 0
    capsys.readouterr()
    assert main(["fleet", "label", "door-4", "site=south", "floor-"]) == 0
    assert capsys.readouterr().out == "door-4: site=south\n"
    assert main(["fleet", "send", "-l", "site", "pause", "--dry-run"]) == 0
    assert capsys.readouterr().out == "door-3: pause {} dry-run\ndoor-4: pause {} dry-run\n"
    assert main(["fleet", "send", "-l", "site=north,floor!=4", "pin-point", "2", "--dry-run", "-o", "json"]) == 0
    assert [sent["device"] for sent in json.loads(capsys.readouterr().out)] == ["door-3"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["send", "-l", "site=nowhere", "pause"], "with such labels"),
        (["send", "-l", "a=b=c", "pause"], "cannot select by"),
        (["send", "-l", "site", "snapshot", "--file", "x.jpg"], "--file is for one device"),
        (["send", "door-3"], "expected NAME COMMAND"),
        (["send", "door-3", "pin-point", "2", "3"], "expected NAME COMMAND"),
        (["update", "-l", "site=nowhere", "7"], "with such labels"),
        (["watch", "-l", "site=nowhere"], "with such labels"),
        (["label", "door-3", "a=1", "a-"], "both given and taken away"),
        (["label", "door-3", "floor"], "expected KEY=VALUE"),
        (["label", "door-4", "floor=3"], "not enrolled"),
        (["list", "-l", "="], "cannot select by"),
        (["enrol", "door-5", "-", "--label", "3"], "expected KEY=VALUE"),
    ],
)
def test_wrong_use_of_labels_is_told_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert main(["fleet", "enrol", "door-3", "-", "--label", "site=north"]) == 0
    before = (folder / "root/fleet/site.json").read_bytes()
    assert main(["fleet", *arguments]) == 2
    assert reason in capsys.readouterr().err
    assert (folder / "root/fleet/site.json").read_bytes() == before


def test_rotation_names_the_devices_that_still_trust_the_old_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for device in ("door-3", "gone"):
        main(["fleet", "enrol", device, "-"])
    main(["fleet", "revoke", "gone"])
    capsys.readouterr()
    assert main(["fleet", "rotate"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  edgefuse fleet rotate door-3"]
    assert main(["fleet", "rotate", "door-3"]) == 0
    assert decode_line((folder / "door-3.join").read_text()).device_id == "door-3"


def test_revocation_says_whether_the_broker_knows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["fleet", "enrol", "door-3", "-"])
    capsys.readouterr()
    assert main(["fleet", "revoke", "door-3"]) == 0
    out, err = capsys.readouterr()
    assert (out, "SIGHUP" in err) == ("door-3 is trusted no longer\n", True)


def test_without_a_site_the_way_to_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    for arguments in (["enrol", "a", "-"], ["rotate"], ["revoke", "a"]):
        assert main(["fleet", *arguments]) == 2
        assert "edgefuse fleet init" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_command_is_checked_and_not_sent_where_that_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["fleet", "enrol", "door-3", "-"])
    capsys.readouterr()
    assert main(["fleet", "send", "door-3", "pin-point", "2", "--dry-run", "-o", "json"]) == 0
    sent = json.loads(capsys.readouterr().out)
    assert (sent["device"], sent["args"], sent["outcome"]) == ("door-3", {"point": 2}, "dry-run")
    assert main(["fleet", "send", "door-3", "pin-point", "fast", "--dry-run"]) == 2
    assert main(["fleet", "send", "door-4", "pin-point", "2", "--dry-run"]) == 2
    assert not (folder / "root/fleet/sequence.json").exists()


def test_broker_that_is_not_there_ends_with_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "init", "here", "--host", "localhost", "--port", str(free_port())]) == 0
    assert main(["fleet", "enrol", "a", "-", "--site", "here"]) == 0
    assert main(["fleet", "send", "a", "pause", "--site", "here"]) == 2
    assert "is it running?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["door-3"], "expected NAME... RELEASE"),
        (["-l", "site=north"], "expected NAME... RELEASE"),
        (["-l", "site=north", "door-3", "7"], "expected NAME... RELEASE"),
        (["--clear"], "expected NAME... RELEASE"),
        (["door-3", "--clear", "--wait"], "nothing to follow"),
        (["door-4", "7"], "not enrolled"),
        (["door-3", "door-4", "7"], "not enrolled"),
        (["gone", "7"], "revoked"),
        (["door-3", "no release"], "cannot wish for release 'no release'"),
        (["door-3", "7", "--deployment", "a/b"], "by deployment 'a/b'"),
        (["door-3", "7"], "is it running?"),
    ],
)
def test_update_that_cannot_be_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(["fleet", "init", "here", "--host", "localhost", "--port", str(free_port())]) == 0
    for device in ("door-3", "gone"):
        assert main(["fleet", "enrol", device, "-", "--label", "site=north", "--site", "here"]) == 0
    assert main(["fleet", "revoke", "gone", "--site", "here"]) == 0
    assert main(["fleet", "update", *words, "--site", "here"]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("wait_s", ["-3", "nan", "inf", "soon"])
def test_time_to_wait_that_is_none_is_refused(wait_s: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fleet", "list", "--wait-s", wait_s])
    assert end.value.code == 2
    assert f"'{wait_s}' is no time to wait" in capsys.readouterr().err
