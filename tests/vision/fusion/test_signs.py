"""Tests of what speaks for and against fusing."""

from dataclasses import fields, replace

import pytest
from fakes.portraits import face_at

from edgefuse.vision.fusion.presence import Trust
from edgefuse.vision.fusion.signs import DOUBTED, TRUSTED, Signs, overlap_with_others, trust

GOOD = Signs(score=1, facing=1, in_frame=1, covered=0, parsed=0, overlapped=0)
NAMES = [field.name for field in fields(Signs)]


@pytest.mark.parametrize("name", NAMES)
def test_each_sign_alone_can_raise_doubt(name: str) -> None:
    worst = 1 - getattr(GOOD, name)
    assert trust(GOOD) is Trust.TRUST
    assert trust(replace(GOOD, **{name: worst})) is Trust.DOUBT


@pytest.mark.parametrize("name", NAMES)
def test_between_the_limits_nothing_is_decided(name: str) -> None:
    middle = (getattr(TRUSTED, name) + getattr(DOUBTED, name)) / 2
    assert trust(replace(GOOD, **{name: middle})) is Trust.UNDECIDED


def test_faces_side_by_side_do_not_overlap_and_crossing_ones_do() -> None:
    one = face_at(100, 100, 40)
    assert overlap_with_others(one, [one, face_at(200, 100, 40)]) == 0
    assert overlap_with_others(one, [one, face_at(110, 100, 40)]) > DOUBTED.overlapped
