"""Tests of what must be hidden: state and event in, state out."""

import cv2
import numpy as np
import pytest
from fakes.portraits import face_at

from edgefuse.clock import NS_PER_S
from edgefuse.vision.cover.veil import Cover, Veil, make_veil, step
from edgefuse.vision.types import Face, Search

HOLD_S = 2.0


def veil(x_px: float = 100, track_id: int = 1, at_s: float = 0.0) -> Veil:
    made = make_veil(face_at(x_px, 100, 40, track_id), round(at_s * NS_PER_S))
    assert made is not None
    return made


def after(cover: Cover, search: Search, at_s: float, *seen: Veil) -> Cover:
    return step(cover, seen, search, round(at_s * NS_PER_S), HOLD_S)


def seeing(*seen: Veil) -> Cover:
    return after(Cover(), Search.WHOLE, 0.0, *seen)


def covers(outline: np.ndarray, points: np.ndarray) -> bool:
    return all(cv2.pointPolygonTest(outline, [float(x), float(y)], False) >= 0 for x, y in points)


def test_at_the_start_the_whole_frame_is_hidden() -> None:
    assert Cover().is_whole


@pytest.mark.parametrize("search", [Search.NONE, Search.FAILED, Search.TRACKED])
def test_the_whole_frame_stays_hidden_until_somebody_has_looked_at_all_of_it(search: Search) -> None:
    assert after(Cover(), search, 0.0).is_whole
    assert after(Cover(), search, 0.0, veil()).is_whole


def test_a_whole_search_without_faces_shows_everything() -> None:
    cover = after(Cover(), Search.WHOLE, 0.0)
    assert not cover.is_whole and not cover.veils


def test_every_known_face_is_hidden_where_it_is_now() -> None:
    moved = veil(140, at_s=0.04)
    cover = after(seeing(veil(100), veil(300, track_id=2)), Search.TRACKED, 0.04, moved, veil(300, 2, 0.04))
    assert [v.track_id for v in cover.veils] == [1, 2]
    assert cover.veils[0] is moved


@pytest.mark.parametrize("search", [Search.TRACKED, Search.NONE, Search.FAILED, Search.WHOLE])
def test_a_lost_face_stays_hidden_where_it_was_for_the_hold_even_if_searches_miss_it(search: Search) -> None:
    cover = after(seeing(veil()), search, 1.9)
    assert not cover.is_whole
    assert [v.track_id for v in cover.veils] == [1]


def test_the_veil_of_a_lost_face_grows() -> None:
    held = veil()
    assert covers(held.outline_at(NS_PER_S), held.outline_at(0))
    assert cv2.contourArea(held.outline_at(NS_PER_S)) > 1.4 * cv2.contourArea(held.outline_at(0))


@pytest.mark.parametrize("search", [Search.TRACKED, Search.NONE, Search.FAILED])
def test_after_the_hold_the_whole_frame_is_hidden_until_a_whole_search(search: Search) -> None:
    cover = after(seeing(veil()), search, 1.0)
    cover = after(cover, search, 2.1)
    assert cover.is_whole
    assert after(cover, search, 60.0).is_whole
    assert not after(cover, Search.WHOLE, 60.0).is_whole


def test_after_the_hold_a_face_that_a_whole_search_does_not_find_is_gone() -> None:
    cover = after(seeing(veil()), Search.WHOLE, 2.1)
    assert not cover.is_whole and not cover.veils


def test_one_face_lost_for_good_beside_one_that_is_followed_hides_everything_until_a_search() -> None:
    cover = seeing(veil(100), veil(300, track_id=2))
    for frame in range(1, 51):
        cover = after(cover, Search.TRACKED, 0.04 * frame, veil(300, 2, 0.04 * frame))
    assert not cover.is_whole
    assert after(cover, Search.TRACKED, 2.04, veil(300, 2, 2.04)).is_whole


def test_a_found_face_takes_its_veil_over() -> None:
    cover = after(seeing(veil()), Search.TRACKED, 0.5)
    assert len(after(cover, Search.WHOLE, 0.6, veil(110, track_id=1, at_s=0.6)).veils) == 1


@pytest.mark.parametrize("track_id", [0, 7])
def test_a_newcomer_in_the_place_of_a_lost_face_is_that_face(track_id: int) -> None:
    cover = after(seeing(veil()), Search.TRACKED, 0.5)
    cover = after(cover, Search.WHOLE, 0.6, veil(110, track_id, 0.6))
    assert [v.track_id for v in cover.veils] == [track_id]


def test_a_neighbour_who_was_there_before_is_not_taken_for_the_lost_face() -> None:
    cover = seeing(veil(100), veil(140, track_id=2))
    cover = after(cover, Search.TRACKED, 0.1, veil(105, 2, 0.1))
    assert sorted(v.track_id for v in cover.veils) == [1, 2]


def test_a_child_before_a_lost_face_does_not_take_its_veil() -> None:
    adult, child = face_at(100, 100, 80, 1), face_at(100, 130, 30, 2)
    veils = [made for face in (adult, child) if (made := make_veil(face, 0)) is not None]
    cover = after(seeing(veils[0]), Search.WHOLE, 0.1, veils[1])
    assert sorted(v.track_id for v in cover.veils) == [1, 2]


@pytest.mark.parametrize("search", [Search.NONE, Search.FAILED])
def test_without_knowledge_and_without_a_held_face_the_whole_frame_is_hidden(search: Search) -> None:
    blind = after(seeing(), search, 0.1)
    assert blind.is_whole
    assert after(blind, Search.TRACKED, 0.2).is_whole


def test_frames_between_two_searches_are_shown_while_the_last_search_is_fresh() -> None:
    assert not after(seeing(), Search.TRACKED, 1.9).is_whole
    assert after(seeing(), Search.TRACKED, 2.1).is_whole


def test_a_clock_that_jumps_back_does_not_prolong_the_hold() -> None:
    cover = after(Cover(), Search.WHOLE, 100.0, veil(at_s=100.0))
    cover = after(cover, Search.WHOLE, 0.0)
    assert cover.veils
    assert not after(cover, Search.WHOLE, 2.1).veils


def test_a_veil_reaches_beyond_the_landmarks_on_every_side() -> None:
    face = face_at(100, 100, 40)
    assert face.mesh is not None
    x1, y1, x2, y2 = face.box.tolist()
    width, height = x2 - x1, y2 - y1
    beyond = np.array([[x1 - 0.15 * width, 100], [x2 + 0.15 * width, 100], [100, y1 - 0.15 * height], [100, y2 + 5]])
    made = make_veil(face, 0)
    assert made is not None and covers(made.outline, face.mesh[:, :2]) and covers(made.outline, beyond)


def test_a_face_without_landmarks_is_hidden_by_its_box() -> None:
    box = np.array([80, 60, 120, 140], np.float32)
    made = make_veil(Face(box=box, score=0.6, eyes=np.zeros((2, 2), np.float32)), 0)
    assert made is not None and covers(made.outline, np.array([[78, 100], [122, 100], [85, 70], [115, 130]]))


def test_landmarks_that_are_not_numbers_leave_the_box() -> None:
    face = face_at(100, 100, 40)
    assert face.mesh is not None
    face.mesh[5] = np.nan
    made = make_veil(face, 0)
    assert made is not None and np.isfinite(made.outline).all()


def test_a_face_that_is_nowhere_has_no_veil() -> None:
    lost = Face(box=np.full(4, np.nan, np.float32), score=0.9, eyes=np.zeros((2, 2), np.float32))
    assert make_veil(lost, 0) is None
