"""What a frame costs outside of models and kernels: the taking apart."""

import sys
import time
from types import ModuleType

import cv2
import numpy as np
import pytest
from benching.outside import Parts, Stopwatch, describe, kernels_watched


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the package that uses OpenCV and numpy."""
    module = ModuleType("edgefuse.vision.fusion.warp")
    module.__dict__.update(cv2=cv2, np=np)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_kernels_that_the_package_calls_are_counted_and_give_what_they_gave(stage: ModuleType) -> None:
    stopwatch = Stopwatch()
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with kernels_watched(stopwatch):
        np.testing.assert_array_equal(stage.cv2.bitwise_not(picture), 255 - picture)
        np.testing.assert_array_equal(stage.np.multiply(picture, 2), picture * 2)
        assert stage.cv2.INTER_LINEAR == cv2.INTER_LINEAR
    assert stopwatch.calls == 2 and stopwatch.spent_ns > 0


def test_everything_is_as_before_afterwards(stage: ModuleType) -> None:
    with pytest.raises(KeyError), kernels_watched(Stopwatch()):
        raise KeyError
    assert stage.cv2 is cv2 and stage.np is np


def test_only_the_call_itself_counts() -> None:
    stopwatch = Stopwatch()
    stopwatch.watch(time.sleep)(0.01)
    assert 1 <= stopwatch.spent_ns / 10e6 < 50
    assert stopwatch.cost_ns() < 1e6


def test_the_parts_are_told_in_milliseconds() -> None:
    assert "1.25" in describe([Parts("a.mp4", 2.5, 0.75, 0.5, 1.25)])
