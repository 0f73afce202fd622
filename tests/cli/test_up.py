"""What ``edgefuse up`` takes frames from, and what it tells; ``tests/up`` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse import paths
from edgefuse.cli._up_source import find_source
from edgefuse.cli.up import _describe, _explain, _tell_others
from edgefuse.config.link import LinkSettings
from edgefuse.config.site import Site

LINK = LinkSettings(broker="mqtts://localhost:8883", device_id="door-3")
SITE = Site(source="/dev/video0", sink="mjpeg:8081", effect="none", link=LINK)


def test_a_video_plays_again_and_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").touch()
    assert find_source("clip.mp4") == f"loop:{tmp_path}/clip.mp4"
    assert find_source("rtsp://camera/x") == "rtsp://camera/x"
    assert find_source("/dev/null") == "/dev/null"


def test_a_source_is_told_without_its_password_and_a_file_of_the_store_in_words(root: Path) -> None:
    assert "secret" not in _describe("rtsp://me:secret@camera/x")
    assert _describe(f"loop:{paths.state_dir()}/store/17ab") == "a clip of a real face, again and again"


def test_commands_that_it_names_work_as_they_stand(tmp_path: Path) -> None:
    told = _explain(SITE, "door-3", "http://127.0.0.1:8090/#token=x", tmp_path)
    assert "http://127.0.0.1:8090/#token=x\n" in told
    assert f"export EDGEFUSE_ROOT={tmp_path}:" in told
    assert "http://localhost:8081/" in told
    assert "edgefuse fleet send door-3 set-effect fuse_mesh" in told
    assert "EDGEFUSE_ROOT" not in _explain(SITE, "door-3", "", None)


@pytest.mark.parametrize("link", [None, LinkSettings(broker="mqtts://elsewhere", device_id="door-3")])
def test_a_configuration_that_links_elsewhere_is_told(
    link: LinkSettings | None, capsys: pytest.CaptureFixture[str]
) -> None:
    _tell_others(Site(source="a", sink="b", link=link), LINK)
    assert "does not link to this broker" in capsys.readouterr().out
    _tell_others(SITE, LINK)
    assert capsys.readouterr().out == ""
