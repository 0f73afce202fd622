"""``edgefuse up`` with real processes: from nothing to figures and commands, and away again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.clips import write_clip
from fakes.command import finish, run, start
from up.conftest import PATIENCE_S, Up, processes

from edgefuse import paths
from edgefuse.config.site import site_path
from edgefuse.up.home import make_name
from edgefuse.vision.types import Pixels

DEVICE = make_name(socket.gethostname())
FACE = np.s_[60:190, 170:280]
"""Rows and columns of the face in the picture of 512x512."""
HIDDEN = 8.0
"""Mean difference from the picture, in steps of 255; a clear face is at less than half of it."""


@pytest.fixture
def film(astronaut: Path, tmp_path: Path) -> Path:
    """A second of a face that does not move."""
    picture = np.asarray(cv2.imread(str(astronaut)), np.uint8)
    return write_clip(tmp_path / "film.mp4", [picture] * 25)


class Viewer:
    """Watches the live page."""

    def __init__(self, picture: Path, stream: Iterator[Pixels]) -> None:
        self._picture = np.asarray(cv2.imread(str(picture)), np.float64)
        self._stream = stream

    def wait(self, *, is_hidden: bool) -> None:
        """Look at frames until the face is hidden in one, or to be seen."""
        end_s = time.monotonic() + PATIENCE_S
        for pixels in self._stream:
            difference = np.abs(pixels[FACE] - self._picture[FACE]).mean()
            if (difference > HIDDEN) if is_hidden else (difference < HIDDEN / 2):
                return
            assert time.monotonic() < end_s, difference


@contextmanager
def watching(page: str, picture: Path) -> Iterator[Viewer]:
    """Connect to the live page."""
    port = int(page.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as viewer, viewer.makefile("rb") as stream:
        viewer.sendall(f"GET /stream HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())

        def frames() -> Iterator[Pixels]:
            for line in stream:
                if line.startswith(b"Content-Length: "):
                    stream.readline()
                    jpeg = stream.read(int(line.split()[1]))
                    yield np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)

        yield Viewer(picture, frames())


def fleet(folder: Path, *arguments: str) -> str:
    """Run an action of ``edgefuse fleet``, which must find the site without being told."""
    code, out, err = run("fleet", *arguments, folder=folder)
    assert code == 0, err
    return out


def seconds_to_hide(viewer: Viewer, folder: Path) -> float:
    """Command the effect that hides faces, and measure until a frame shows it, from the start of the command on."""
    start_s = time.monotonic()
    with start("fleet", "send", DEVICE, "set-effect", "anonymise", folder=folder) as command:
        viewer.wait(is_hidden=True)
        taken_s = time.monotonic() - start_s
        finish(command)
    assert command.returncode == 0
    return taken_s


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"], indirect=True)
def test_a_newcomer_sees_and_commands_this_machine(
    up: Callable[..., Up], broker: str, film: Path, astronaut: Path, tmp_path: Path
) -> None:
    running = up("--source", str(film), "--effect", "none")
    running.wait_for_frames()
    assert re.search(f"broker: .*{broker}", running.text)
    fleet(tmp_path, "send", DEVICE, "watch")  # figures every two seconds, not every ten
    (row,) = json.loads(fleet(tmp_path, "list", "-o", "json"))
    while row["fps"] is None:  # the first reports were made before there were frames
        (row,) = json.loads(fleet(tmp_path, "list", "-o", "json"))
    assert (row["device"], row["presence"], row["point"], row["effect"]) == (DEVICE, "online", 0, "none")
    assert row["fps"] > 1
    (page,) = re.findall("http://localhost:[0-9]+/", running.text)
    with watching(page, astronaut) as viewer:
        viewer.wait(is_hidden=False)
        for _ in range(5):  # a machine that is busy in one moment is not in all of them
            if seconds_to_hide(viewer, tmp_path) <= 1.0:
                break
            fleet(tmp_path, "send", DEVICE, "set-effect", "none")
            viewer.wait(is_hidden=False)
        else:
            pytest.fail("no command was to be seen in the frames within a second")
    code, taken_s = running.end()
    assert (code, processes(paths.root())) == (0, [])
    assert taken_s < 5.0


def test_everything_is_found_as_it_was_and_ends_with_its_parent(
    up: Callable[..., Up], film: Path, tmp_path: Path, root: Path
) -> None:
    first = up("--source", str(film))
    first.wait_for_frames()
    assert f"it is up in {root} already" in run("up", folder=tmp_path)[2]
    before = [path.read_bytes() for path in (site_path(), paths.fleet_dir() / "site.json")]
    first.end(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while processes(root):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = up()
    again.wait_for_frames()
    assert "preparing" not in again.text
    assert before == [path.read_bytes() for path in (site_path(), paths.fleet_dir() / "site.json")]


def test_a_broker_that_dies_is_said_and_started_again(up: Callable[..., Up], film: Path, root: Path) -> None:
    running = up("--source", str(film), "--effect", "none")
    running.wait_for_frames()
    os.kill(int((paths.fleet_dir() / "broker/embedded.pid").read_text()), signal.SIGKILL)
    running.wait(lambda text: re.search("the broker ended .SIGKILL.; starting it again", text))
    deadline = time.monotonic() + PATIENCE_S
    while run("fleet", "list", "--wait-s", "0", folder=root)[0]:
        assert time.monotonic() < deadline
