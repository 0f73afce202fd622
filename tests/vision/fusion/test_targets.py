"""Tests of choosing whom to fuse."""

from dataclasses import replace

import numpy as np
import pytest
from fakes.portraits import face_at

from edgefuse.clock import NS_PER_S
from edgefuse.vision.fusion.targets import HOLD_S, Policy, Targets
from edgefuse.vision.types import Face

FRAME_NS = NS_PER_S // 30


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


ME, OTHER = unit(1, 0, 0), unit(0, 1, 0)


def like_me(cosine: float) -> np.ndarray:
    return unit(cosine, 0, (1 - cosine**2) ** 0.5)


def face(track_id: int, radius_px: float = 50, score: float = 0.99, embedding: np.ndarray | None = None) -> Face:
    return replace(face_at(100 * track_id, 100, radius_px, track_id, score), embedding=embedding)


class Chooser:
    """Asks frame after frame."""

    def __init__(self, policy: Policy, reference: np.ndarray | None = None) -> None:
        self._targets = Targets(policy, reference)
        self._index = 0

    def choose(self, *faces: Face, frames: int = 1) -> set[int]:
        chosen: frozenset[int] = frozenset()
        for _ in range(frames):
            chosen = self._targets.choose(faces, self._index * FRAME_NS)
            self._index += 1
        return set(chosen)


def test_all_faces_may_be_targets() -> None:
    assert Chooser("all").choose(face(1), face(2, score=0.6)) == {1, 2}


def test_the_best_is_the_surest_and_the_largest_the_largest() -> None:
    faces = face(1, radius_px=60, score=0.7), face(2, radius_px=40, score=0.95)
    assert Chooser("best").choose(*faces) == {2}
    assert Chooser("largest").choose(*faces) == {1}


@pytest.mark.parametrize("policy", ["best", "largest"])
def test_the_choice_among_equals_does_not_jump(policy: Policy) -> None:
    chooser, draw = Chooser(policy), np.random.default_rng(0)
    chosen = [
        frozenset(
            chooser.choose(*(face(i, 50 + draw.uniform(-4, 4), 0.95 + draw.uniform(-0.05, 0.05)) for i in (1, 2)))
        )
        for _ in range(50)
    ]
    assert len(set(chosen)) == 1


@pytest.mark.parametrize(("policy", "better"), [("best", face(2, score=0.99)), ("largest", face(2, radius_px=80))])
def test_one_that_is_clearly_better_becomes_the_target(policy: Policy, better: Face) -> None:
    chooser = Chooser(policy)
    worse = face(1, score=0.7)
    assert chooser.choose(worse) == {1}
    assert chooser.choose(worse, better) == {2}


def test_a_target_that_vanishes_for_a_moment_stays_the_target() -> None:
    chooser = Chooser("best")
    chooser.choose(face(1), face(2, score=0.9))
    assert chooser.choose(face(2, score=0.9), frames=round(HOLD_S * 30) - 2) == set()
    assert chooser.choose(face(1), face(2, score=0.9)) == {1}


def test_after_a_while_another_takes_its_place() -> None:
    chooser = Chooser("best")
    chooser.choose(face(1), face(2, score=0.9))
    assert chooser.choose(face(2, score=0.9), frames=round(HOLD_S * 30) + 1) == {2}


def test_a_reference_is_found_wherever_it_stands() -> None:
    faces = face(1, embedding=OTHER), face(2, embedding=like_me(0.8))
    assert Chooser("reference", ME).choose(*faces) == Chooser("reference", ME).choose(*faces[::-1]) == {2}


def test_nobody_is_a_target_while_the_reference_is_not_there() -> None:
    chooser = Chooser("reference", ME)
    assert chooser.choose(face(1, embedding=OTHER), face(2), frames=60) == set()
    assert chooser.choose(face(1, embedding=OTHER), face(3, embedding=like_me(0.5))) == {3}


def test_likeness_that_wavers_at_the_limit_does_not_flicker() -> None:
    chooser = Chooser("reference", ME)
    chooser.choose(face(1, embedding=like_me(0.5)))
    assert {frozenset(chooser.choose(face(1, embedding=like_me(c)))) for c in (0.38, 0.42, 0.35, 0.3)} == {
        frozenset({1})
    }
    assert chooser.choose(face(1, embedding=like_me(0.2))) == set()


def test_a_source_that_starts_again_keeps_no_place_for_a_lost_target() -> None:
    targets = Targets("best")
    targets.choose([face(1)], 10**12)
    assert targets.choose([face(2)], 0) == {2}
