from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefuse.errors import SourceError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import make_source

BUFFER = Buffer(320 * 240 * 3)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    return path


def frames_of(address: str) -> list[np.ndarray]:
    source = make_source(address)
    source.open()
    return [capture.pixels.copy() for capture in iter(lambda: source.read(BUFFER), None)]


def test_clip_has_the_size_and_length_that_were_asked_for(photo: Path) -> None:
    source = make_source(f"photo:{photo},320x240@30,frames=3")
    stream = source.open()
    assert (stream.width_px, stream.height_px, stream.rate_hz, stream.frames) == (320, 240, 30.0, 3)
    times_ms = [round(source.read(BUFFER).captured_ns / 1e6) for _ in range(3)]
    assert times_ms == [0, 33, 67]
    assert source.read(BUFFER) is None


def test_picture_moves_and_every_run_is_the_same(photo: Path) -> None:
    address = f"photo:{photo},320x240@30,frames=4"
    first, second = frames_of(address), frames_of(address)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[3])


@pytest.mark.parametrize(
    ("address", "reason"), [("photo:nothing.png", "there is no picture"), ("photo:a.png,fast", '"fast" is not one of')]
)
def test_bad_addresses_are_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        make_source(address).open()
