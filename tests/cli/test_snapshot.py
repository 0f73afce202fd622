from pathlib import Path

import pytest
from fakes.control import SNAPSHOT, FakeSupervisor

from edgefuse.__main__ import main
from edgefuse.supervisor.control import TakeSnapshot, socket_path


def test_a_frame_is_saved_with_the_users_rights_and_nothing_is_left_behind(
    supervisor: FakeSupervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", str(tmp_path / "now.png")]) == 0
    assert (tmp_path / "now.png").read_bytes() == SNAPSHOT
    taken = socket_path().with_name("snapshot.png")
    assert supervisor.requests == [TakeSnapshot(path=str(taken))]
    assert not taken.exists()
    assert capsys.readouterr().out == f"wrote {tmp_path}/now.png: a frame as it was delivered\n"


def test_a_refusal_is_told_and_nothing_is_written(
    supervisor: FakeSupervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.refusal = "cannot write snapshot.png: no frame was delivered within 5 s"
    assert main(["snapshot", str(tmp_path / "now.png")]) == 2
    assert capsys.readouterr().err == f"edgefuse: {supervisor.refusal}\n"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_picture_is_told_by_the_name_that_was_given(
    supervisor: FakeSupervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", str(tmp_path / "now.txt")]) == 2
    assert f"cannot write {tmp_path}/now.txt: it is no picture" in capsys.readouterr().err
    assert supervisor.requests == []


def test_a_picture_that_somebody_else_took_is_told(
    supervisor: FakeSupervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgefuse.cli.snapshot.tell", lambda _: None)  # it is told done, and nothing is there
    assert main(["snapshot", str(tmp_path / "now.png")]) == 2
    assert "ask again" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told_before_the_service_is_asked(
    supervisor: FakeSupervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", str(tmp_path / "none/now.png")]) == 2
    assert f"folder {tmp_path}/none does not exist; mkdir -p {tmp_path}/none" in capsys.readouterr().err
    assert supervisor.requests == []
