"""Ribbon-cable cameras, through a real child process that stands in for the maker's program. Not run on hardware."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import make_source
from edgefuse.vision.sources import csi

FAKE = Path(__file__).parents[2] / "fakes/camera_program.py"
BUFFER = Buffer(64 * 48 * 3)


class Board:
    """A PATH on which only chosen camera programs are installed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.log, self.patch = folder, folder / "log.json", patch
        patch.setenv("PATH", str(folder))
        patch.setenv("CAMERA_LOG", str(self.log))

    def install(self, program: str, **environment: str) -> None:
        path = self.folder / program
        path.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
        path.chmod(0o755)
        for name, value in environment.items():
            self.patch.setenv(name, value)

    def call(self) -> dict[str, object]:
        """What the program was called with."""
        call: dict[str, object] = json.loads(self.log.read_text())
        return call


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


def test_pictures_of_the_child_come_in_order_in_the_right_grey(board: Board) -> None:
    board.install("rpicam-vid", CAMERA_FRAMES="3")
    source = make_source("csi:0,64x48@30")
    stream = source.open()
    levels = []
    for _ in range(3):
        capture = source.read(BUFFER)
        assert capture is not None
        assert capture.pixels.shape == (48, 64, 3)
        levels.append(capture.pixels[20, 30].tolist())
    source.close()
    assert stream.is_live
    # Luma 50, 51, 52 of limited range: (y - 16) * 255 / 219
    assert levels == [[40] * 3, [41] * 3, [42] * 3]


def test_the_maker_s_program_is_called_with_camera_size_and_rate(board: Board) -> None:
    board.install("rpicam-vid")
    source = make_source("csi:1,640x480@25")
    source.open()
    source.read(Buffer(640 * 480 * 3))
    source.close()
    call = board.call()
    said = "--camera 1 --width 640 --height 480 --framerate 25 --codec yuv420 --timeout 0 --nopreview"
    assert call["program"] == "rpicam-vid"
    assert str.join(" ", call["arguments"]).startswith(said)  # type: ignore[arg-type]


def test_a_jetson_is_read_through_gstreamer(board: Board) -> None:
    board.install("gst-launch-1.0")
    source = make_source("csi:0,64x48@30")
    source.open()
    assert source.read(BUFFER)
    source.close()
    arguments = board.call()["arguments"]
    assert isinstance(arguments, list)
    assert arguments[:3] == ["-q", "nvarguscamerasrc", "sensor-id=0"]
    assert "video/x-raw(memory:NVMM),width=64,height=48,framerate=30/1" in arguments


def test_the_death_of_the_child_is_told_with_its_last_words(board: Board) -> None:
    board.install("rpicam-vid", CAMERA_FRAMES="1")
    source = make_source("csi:0,64x48")
    source.open()
    source.read(BUFFER)
    with pytest.raises(SourceGoneError) as caught:
        source.read(BUFFER)
    assert str(caught.value) == "cannot read csi:0,64x48: ERROR: the ribbon cable is loose"
    source.open()
    assert source.read(BUFFER)
    source.close()


def test_a_silent_child_is_told(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csi, "_SILENCE_S", 0.5)
    board.install("rpicam-vid", CAMERA_FRAMES="0", CAMERA_END="hang")
    source = make_source("csi:0,64x48")
    source.open()
    with pytest.raises(SourceGoneError, match=r"no picture for 0.5 s$"):
        source.read(BUFFER)


@pytest.mark.parametrize("end", ["hang", "deaf"])
def test_close_leaves_no_process_behind(board: Board, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(csi, "_STOP_S", 0.3)
    board.install("rpicam-vid", CAMERA_END=end)
    source = make_source("csi:0,64x48")
    source.open()
    source.read(BUFFER)
    source.close()
    source.close()
    # A zombie would still have its number.
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(board.call()["pid"])), 0)


def test_without_any_camera_program_it_says_what_to_install(board: Board) -> None:
    assert shutil.which("rpicam-vid") is None
    assert board.folder.is_dir()
    with pytest.raises(SourceError, match=r"none of rpicam-vid, libcamera-vid, gst-launch-1.0 is installed") as caught:
        make_source("csi:0").open()
    assert not isinstance(caught.value, SourceGoneError)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("csi:front", '"front" is not a number of a camera'),
        ("csi:", '"" is not a number of a camera'),
        ("csi:0,fast", '"fast" is not one of 1280x720@30'),
        ("csi:0,100x100", "the width must be a multiple of 64 and the height even"),
    ],
)
def test_a_bad_address_is_told(address: str, reason: str) -> None:
    with pytest.raises(SourceError, match=f"^cannot open {address}: {reason}"):
        make_source(address)
