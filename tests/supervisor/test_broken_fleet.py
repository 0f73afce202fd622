"""What a unit delivers when there is no broker, or one that swallows everything: the same as without a fleet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from benching.supervised import open_unit
from fakes.broker import free_port, serving
from fakes.clips import write_clip
from fakes.proxy import Proxy

from edgefuse.store.store import Store

FRAMES = 25
PATIENCE_S = 120.0


@pytest.fixture
def blackhole() -> Iterator[str]:
    """The address of a broker that takes connections and says nothing."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "broker") as broker:
        proxy = Proxy(broker.port)
        proxy.is_silent = True
        yield proxy.url
        proxy.close()


@pytest.fixture
def clip(astronaut: Path, tmp_path: Path) -> Path:
    """A face that moves through the picture."""
    photo = cv2.resize(cv2.imread(str(astronaut)), (320, 320))
    pictures = [np.ascontiguousarray(np.roll(photo, 2 * i, axis=1)) for i in range(FRAMES)]
    return write_clip(tmp_path / "in.mp4", pictures)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Sensors that stay cool, so that no run is told otherwise by this machine's heat."""
    zone = tmp_path / "board/sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("x86_pkg_temp\n")
    (zone / "temp").write_text("45000\n")
    return tmp_path / "board"


def deliver(clip: Path, board: Path, **more: object) -> list[str]:
    """Run the clip through a unit, and give what it delivered, a hash a frame."""
    out = clip.with_name("out.mp4")
    site = {"source": f"file:{clip}", "sink": f"file:{out}", "effect": "anonymise", "pin_point": 0, **more}
    with open_unit(site, {"EDGEFUSE_SYSTEM_ROOT": str(board)}) as unit:
        unit.wait(lambda s: "worker_ended" in [event.kind for event in s.events], PATIENCE_S)  # at the clip's end
        return hash_frames(out)


def hash_frames(path: Path) -> list[str]:
    """Decode a clip."""
    with av.open(str(path)) as container:
        return [sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


@pytest.mark.slow
def test_frames_are_the_same_without_a_broker_and_with_one_that_swallows_everything(
    store: Store, clip: Path, board: Path, blackhole: str
) -> None:
    without = deliver(clip, board)
    assert len(without) == FRAMES
    for url in (blackhole, f"mqtt://127.0.0.1:{free_port()}"):
        assert deliver(clip, board, link={"broker": url, "device_id": "dev1"}) == without
