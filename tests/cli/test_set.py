from pathlib import Path

import msgspec
import pytest
from fakes.control import CHOSEN, FakeSupervisor

from edgefuse.__main__ import main
from edgefuse.supervisor.control import SetPaused, SetPin, Setting


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """What begins like a JPEG."""
    path = tmp_path / "donor.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(20))
    return path


def test_an_effect_is_pinned_and_the_text_says_what_it_replaced_and_how_to_undo_it(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", "effect", "none"]) == 0
    assert supervisor.requests == [SetPin(setting="effect", value="none")]
    assert capsys.readouterr().out == (
        "effect: none (pinned since 11-20 11:00:00); was anonymise (site configuration)\n"
        "it stays over restarts; to take it away: edgefuse set effect default\n"
    )


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [(["effect", "default"], "effect"), (["face", "default"], "face"), (["pin-point", "auto"], "point")],
)
def test_a_pin_is_taken_away(
    supervisor: FakeSupervisor, arguments: list[str], setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = {**supervisor.status.settings, setting: Setting("1", "pin")}
    supervisor.status = msgspec.structs.replace(supervisor.status, settings=pinned)
    assert main(["set", *arguments]) == 0
    assert supervisor.requests == [SetPin(setting=setting, value="")]
    assert supervisor.status.settings[setting] == CHOSEN[setting]
    out = capsys.readouterr().out
    assert out.startswith(f"{setting}: ") and "; was 1 (pinned)\n" in out and "to take it away" not in out


def test_a_face_is_pinned_by_its_whole_path(
    supervisor: FakeSupervisor, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    assert main(["set", "face", photo.name]) == 0
    assert supervisor.requests == [SetPin(setting="face", value=str(photo))]


def test_a_point_is_pinned(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["set", "pin-point", "3"]) == 0
    assert supervisor.requests == [SetPin(setting="point", value="3")]
    assert capsys.readouterr().out.startswith("point: 3 (pinned since 11-20 11:00:00); was 2 (governor)\n")


@pytest.mark.parametrize(("action", "is_paused"), [("pause", True), ("resume", False)])
def test_a_service_is_paused_and_resumed(
    supervisor: FakeSupervisor, action: str, is_paused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", action]) == 0
    assert supervisor.requests == [SetPaused(is_paused=is_paused)]
    assert capsys.readouterr().out.startswith(f"{action}d")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pin-point", "5"], "cannot pin point 5: the profile has points 0 to 4"),
        (["pin-point", "-"], "cannot pin point '-': expected a whole number from 0 on, or auto"),
        (["pin-point", "best"], "cannot pin point 'best': expected a whole number from 0 on, or auto"),
        (["face", "/nowhere.jpg"], "cannot use /nowhere.jpg as a face: no such file; name a photo of one person"),
        (["face", "/"], "cannot use / as a face: is a directory; name a photo of one person"),
        (["face", __file__], f"cannot use {__file__} as a face: it is no JPEG, PNG, BMP, WebP or TIFF; "),
    ],
    ids=["beyond the ladder", "sign", "word", "no file", "folder", "no picture"],
)
def test_what_cannot_be_is_refused_before_the_service_is_asked(
    supervisor: FakeSupervisor, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"edgefuse: {said}")
    assert supervisor.requests == []


def test_a_refusal_is_told_with_its_reason(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor.refusal = "cannot open fuse_mesh: its model is not here"
    assert main(["set", "effect", "fuse_mesh"]) == 2
    said = capsys.readouterr()
    assert said.err == "edgefuse: cannot open fuse_mesh: its model is not here\n"
    assert said.out == ""


@pytest.mark.parametrize("setting", ["effect", "face", "pin-point", "pause", "resume"])
def test_every_setting_has_help_with_an_example(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["set", setting, "--help"])
    assert ended.value.code == 0
    assert f"example: edgefuse set {setting}" in capsys.readouterr().out
