"""Tests of taking hard light out of a donor's picture."""

import numpy as np
from fakes.discs import disc_mesh

from edgefuse.vision.fusion.contrast import soften
from edgefuse.vision.fusion.texture import Cutout

SIZE_PX = 200
MESH = disc_mesh(100, 100, 90)


def striped(depth: int) -> Cutout:
    picture = np.full((SIZE_PX, SIZE_PX, 4), 140, np.uint8)
    picture[:, :, 3] = 255
    wave = np.sin(np.arange(SIZE_PX) / 6) * depth
    picture[:, :, :3] = np.clip(140 + wave[:, np.newaxis, np.newaxis], 0, 255)
    return picture


def spread(cutout: Cutout) -> float:
    return float(cutout[60:140, 60:140, 0].std())


def test_even_light_stays_as_it_is() -> None:
    np.testing.assert_array_equal(soften(striped(10), MESH), striped(10))


def test_hard_light_gets_softer() -> None:
    assert 0.3 * spread(striped(80)) < spread(soften(striped(80), MESH)) < 0.7 * spread(striped(80))


def test_alpha_stays_as_it_is() -> None:
    given = striped(80)
    given[:50, :, 3] = 0
    np.testing.assert_array_equal(soften(given, MESH)[:, :, 3], given[:, :, 3])
