"""``edgefuse run`` as a newcomer uses it: the real command on real files, and what is there afterwards."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from fakes.clips import quarters, write_clip
from fakes.command import CHECKOUT, finish, run, start

from edgefuse.store.store import Store

CAMERA_PROGRAM = CHECKOUT / "tests/fakes/camera_program.py"
LIVE = ("--source", "pattern:64x48@25,live", "--effect", "none", "--sink", "out.mp4")
SUMMARY = re.compile(
    r"(?P<frames>\d+) frames?(, \d+ [a-z ]+)* at [\d.]+ fps, latency p50 [\d.]+ ms p99 [\d.]+ ms, "
    r"(?P<faces>[\d.]+) faces a frame, \d+ MB"
)


@pytest.fixture
def folder(tmp_path: Path, store: Store, astronaut: Path) -> Path:
    """A user's folder with a photo of a face in it."""
    assert store.root.is_dir()
    shutil.copy(astronaut, tmp_path / "photo.png")
    return tmp_path


def sizes(path: Path) -> list[tuple[int, int]]:
    """Decode a video and give width and height of each frame."""
    with av.open(f"file:{path}") as container:
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


def photo_of(folder: Path, width_px: int, height_px: int) -> np.ndarray:
    photo = cv2.imread(str(folder / "photo.png"))
    assert photo is not None
    return cv2.resize(photo, (width_px, height_px))


def test_summary_names_the_models_and_the_file_and_stderr_stays_quiet(folder: Path) -> None:
    code, out, err = run("run", "--source", "photo.png", "--effect", "anonymise", "--sink", "out.png", folder=folder)
    summary, models, written = out.splitlines()
    assert (code, err) == (0, "")
    assert SUMMARY.fullmatch(summary)
    assert re.fullmatch(r"ran [\w, -]*facemesh on \w+ \w+", models)
    assert written == "wrote out.png"
    before, after = (cv2.imread(str(folder / name)) for name in ("photo.png", "out.png"))
    assert before is not None and after is not None
    assert before.shape == after.shape
    assert not np.array_equal(before, after)


def test_report_holds_what_scripts_rely_on(folder: Path) -> None:
    twins = np.hstack([photo_of(folder, 512, 512)] * 2)
    write_clip(folder / "twins.mp4", [twins] * 4)
    options = ("--effect", "anonymise", "--sink", "null", "--point", "1", "--frames", "3", "--report", "r.json")
    assert run("run", "--source", "twins.mp4", *options, folder=folder)[0] == 0
    report = json.loads((folder / "r.json").read_text())
    assert {"frames_in", "frames_out", "dropped", "fps", "plan", "faces", "passed_over"} <= set(report)
    assert (report["frames_in"], report["frames_out"], report["point"]) == (3, 3, 1)
    assert report["faces"] == 6
    assert {"p50", "p95", "p99"} <= set(report["latency_ms"])
    assert 0 < report["rss_mb"]["start"] <= report["rss_mb"]["peak"] >= report["rss_mb"]["end"]
    pool = report["pool"]
    assert pool["leased"] == pool["returned"] >= 3
    assert pool["peak"] <= pool["buffers"]
    assert {"capture", "detect_faces", "track_faces", "anonymise", "deliver"} <= set(report["stages"])
    assert all({"p50_ms", "p99_ms"} <= set(stage) for stage in report["stages"].values())


def test_what_is_known_of_faces_can_be_drawn(folder: Path) -> None:
    for name, options in {"plain.png": (), "drawn.png": ("--draw",)}.items():
        code, _, err = run("run", "--source", "photo.png", "--effect", "none", *options, "--sink", name, folder=folder)
        assert code == 0, err
    plain, drawn = (cv2.imread(str(folder / name)) for name in ("plain.png", "drawn.png"))
    assert plain is not None and drawn is not None
    x_px, y_px = np.flatnonzero((plain != drawn).any(axis=(0, 2))), np.flatnonzero((plain != drawn).any(axis=(1, 2)))
    assert 150 < x_px.min() < x_px.max() < 300  # her face
    assert 20 < y_px.min() < y_px.max() < 190


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_a_playable_file_and_its_summary(folder: Path, number: signal.Signals) -> None:
    with start("run", *LIVE, folder=folder) as process:
        part = folder / "out.part.mp4"
        while process.poll() is None and not (part.exists() and part.stat().st_size):
            time.sleep(0.05)
        process.send_signal(number)
        out, err = finish(process)
    assert process.returncode == 130, err
    said = re.match(rf"interrupted after {SUMMARY.pattern}\n", out)
    assert said
    assert sizes(folder / "out.mp4") == [(64, 48)] * int(said["frames"])
    assert not part.exists()


def test_camera_that_goes_away_is_waited_for(folder: Path) -> None:
    """The maker's camera program dies after every fifth frame and is started again."""
    camera = folder / "bin/rpicam-vid"
    camera.parent.mkdir()
    camera.write_text(f"#!{sys.executable}\n{CAMERA_PROGRAM.read_text()}")
    camera.chmod(0o755)
    options = ("--effect", "none", "--sink", "null", "--frames", "12", "--report", "r.json")
    path = f"{camera.parent}{os.pathsep}{os.environ['PATH']}"
    code, out, err = run("run", "--source", "csi:0,64x48@30", *options, folder=folder, PATH=path, CAMERA_FRAMES="5")
    assert code == 0, err
    assert "source went away, waiting for it reason=cannot read csi:0,64x48@30: ERROR: the ribbon cable is loose" in err
    assert ", 2 source losses at " in out
    report = json.loads((folder / "r.json").read_text())
    assert (report["frames_in"], report["source_losses"]) == (12, 2)


@pytest.mark.parametrize(
    ("size", "delivered"), [((16, 16), (16, 16)), ((401, 299), (402, 300)), ((1920, 1080), (1920, 1080))]
)
def test_clip_of_any_size_is_fused(folder: Path, size: tuple[int, int], delivered: tuple[int, int]) -> None:
    is_odd = size[0] % 2
    clip = write_clip(folder / "clip.mkv", [photo_of(folder, *size)], pixel_format="yuv444p" if is_odd else "yuv420p")
    code, _, err = run("run", "--source", clip.name, "--face", "photo.png", "--sink", "out.mp4", folder=folder)
    assert code == 0, err
    assert sizes(folder / "out.mp4") == [delivered]


def test_upright_clip_of_a_phone_stays_upright(folder: Path) -> None:
    turned = cv2.rotate(photo_of(folder, 480, 640), cv2.ROTATE_90_COUNTERCLOCKWISE)
    write_clip(folder / "phone.mp4", [np.ascontiguousarray(turned)] * 2, rotation=-90)
    _, out, _ = run("run", "--source", "phone.mp4", "--effect", "anonymise", "--sink", "out.mp4", folder=folder)
    said = SUMMARY.match(out)
    assert said and said["faces"] == "1.00"
    assert sizes(folder / "out.mp4") == [(480, 640)] * 2


def test_clip_without_a_face_passes_unfused(folder: Path) -> None:
    write_clip(folder / "empty.mp4", [quarters()] * 3)
    _, out, _ = run("run", "--source", "empty.mp4", "--face", "photo.png", "--sink", "out.mp4", folder=folder)
    said = SUMMARY.match(out)
    assert said and (said["frames"], said["faces"]) == ("3", "0.00")


def test_any_file_name_will_do_and_an_old_file_is_replaced(folder: Path) -> None:
    write_clip(folder / "clip.mp4", [quarters()] * 2).rename(folder / "a: – ü 100%d.mp4")
    (folder / "b: – ü 100%.mp4").write_text("an old file")
    options = ("--source", "a: – ü 100%d.mp4", "--effect", "none", "--sink", "./b: – ü 100%.mp4")
    code, _, err = run("run", *options, folder=folder)
    assert code == 0, err
    assert sizes(folder / "b: – ü 100%.mp4") == [(96, 64)] * 2


def test_folder_of_pictures_becomes_numbered_pictures(folder: Path) -> None:
    (folder / "in").mkdir()
    for side_px in (64, 96):
        cv2.imwrite(str(folder / f"in/{side_px}.png"), photo_of(folder, side_px, side_px))
    code, out, err = run("run", "--source", "in", "--effect", "none", "--sink", "out/", folder=folder)
    assert (code, err) == (0, "")
    assert out.endswith("\nwrote out/\n")
    written = {path.name: cv2.imread(str(path)).shape[:2] for path in (folder / "out").iterdir()}
    assert written == {"000000.png": (64, 64), "000001.png": (96, 96)}


def test_first_frame_of_a_clip_becomes_a_picture(folder: Path) -> None:
    write_clip(folder / "clip.mp4", [quarters()] * 5)
    options = ("--source", "clip.mp4", "--frames", "1", "--effect", "none", "--sink", "first.png")
    code, _, err = run("run", *options, folder=folder)
    assert code == 0, err
    picture = cv2.imread(str(folder / "first.png"))
    assert picture is not None
    assert picture.shape == (64, 96, 3)


def test_terminal_shows_a_bar_with_the_point(folder: Path) -> None:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    source = ("--source", "pattern:64x48@25,frames=7", "--effect", "none", "--sink", "null")
    done = subprocess.run(
        [sys.executable, "-m", "edgefuse", "run", *source],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stdout=subprocess.PIPE, stderr=child, check=False,
    )  # fmt: skip
    os.close(child)
    shown = os.read(parent, 1 << 16).decode()
    os.close(parent)
    assert done.returncode == 0
    assert "none: 100%" in shown
    assert re.search(r"7/7 \[.*frames/s, point 0\]", shown)
