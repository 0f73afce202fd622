"""Test of the effect that does nothing."""

import numpy as np
from fakes.discs import POINT, disc_models, packet
from fakes.portraits import texture

from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.none import PLUGIN, Options
from edgefuse.vision.types import Attention


def test_frames_leave_as_they_came() -> None:
    before = texture(60, 80, seed=1)
    given = packet(before)
    assert PLUGIN.make(Options(), StageContext(disc_models(), (POINT,), 60, 80, Attention())).run(given) is given
    np.testing.assert_array_equal(given.frame.pixels, before)
