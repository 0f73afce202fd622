"""Tests of who wears which stranger's face."""

import numpy as np
import pytest

from edgefuse.vision.fusion.strangers import assign

UNKNOWN: dict[int, np.ndarray] = {}


def test_a_track_keeps_its_stranger_whoever_else_comes_and_goes() -> None:
    worn = assign({}, [3], UNKNOWN, 4)
    for others in ([1], [1, 2, 9], [], [4]):
        worn_before = worn[3]
        worn = assign(worn, [3, *others], UNKNOWN, 4)
        assert worn[3] == worn_before


def test_tracks_get_different_strangers_while_there_are_enough() -> None:
    worn = assign({}, range(1, 5), UNKNOWN, 4)
    assert sorted(worn.values()) == [0, 1, 2, 3]
    more = assign(worn, range(1, 9), UNKNOWN, 4)
    assert sorted(more.values()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_newcomer_gets_the_stranger_least_like_him_that_nobody_wears() -> None:
    likeness = {track: np.array((0.3, 0.2, -0.1, 0.1), np.float32) for track in (1, 2)}
    assert assign({}, [1, 2], likeness, 4) == {1: 2, 2: 3}


@pytest.mark.parametrize("gone", [[], [7]])
def test_strangers_of_those_who_are_gone_are_free_again(gone: list[int]) -> None:
    assert assign({1: 0}, gone, UNKNOWN, 1).keys() == set(gone)
