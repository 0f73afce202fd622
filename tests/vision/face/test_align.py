"""Tests of aligned crops."""

import numpy as np
import pytest

from edgefuse.vision.face.align import align, fit_similarity
from edgefuse.vision.face.templates import TEMPLATES


def test_a_similarity_is_found_again() -> None:
    turn = 1.3 * np.array(((np.cos(0.4), -np.sin(0.4)), (np.sin(0.4), np.cos(0.4))))
    points = np.array(((0, 0), (30, 2), (15, 20), (4, 33), (28, 35)), np.float32)
    matrix = fit_similarity(points, points @ turn.T + (7, -3))
    np.testing.assert_allclose(matrix, np.column_stack((turn, (7, -3))), atol=1e-4)


@pytest.mark.parametrize("template", TEMPLATES)
def test_points_come_to_lie_on_the_template(template: str) -> None:
    pixels = np.zeros((200, 300, 3), np.uint8)
    crop = np.zeros((128, 128, 3), np.uint8)
    points = (TEMPLATES[template] * 60 + (120, 40)).astype(np.float32)
    for x, y in points:
        pixels[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2] = 255
    matrix = align(pixels, points, template, crop)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATES[template] * 128, atol=1e-3)
    for x, y in TEMPLATES[template] * 128:
        assert crop[round(y), round(x), 0] > 200


def test_a_crop_over_the_border_repeats_it() -> None:
    pixels = np.full((40, 40, 3), 90, np.uint8)
    crop = np.zeros((64, 64, 3), np.uint8)
    align(pixels, (TEMPLATES["ffhq_512"] * 60 - 30).astype(np.float32), "ffhq_512", crop)
    assert (crop == 90).all()


def test_every_template_is_a_face_with_its_eyes_up_and_left_before_right() -> None:
    for points in TEMPLATES.values():
        left_eye, right_eye, nose, left_mouth, right_mouth = points
        assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
