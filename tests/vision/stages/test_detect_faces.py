"""Tests of detection in whole frames."""

import numpy as np
import pytest
from fakes.discs import POINT, disc_models, draw_discs, packet, runs_of

from edgefuse.errors import RuntimeRunError
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.detect_faces import DetectFaces, Options
from edgefuse.vision.types import Attention, Search


def make(models: Models) -> tuple[DetectFaces, Attention]:
    attention = Attention()
    return DetectFaces(Options(), StageContext(models, (POINT,), 480, 640, attention)), attention


@pytest.mark.parametrize("size", [(240, 320), (320, 240), (480, 640), (100, 640)])
def test_a_face_is_found_where_it_is_in_frames_of_any_shape(size: tuple[int, int]) -> None:
    height_px, width_px = size
    x, y, radius = width_px * 0.6, height_px * 0.4, min(size) * 0.25
    stage, _ = make(disc_models())
    found = stage.run(packet(draw_discs((x, y, radius), height_px=height_px, width_px=width_px)))
    (face,) = found.faces
    assert found.search is Search.WHOLE
    pixel_of_input = max(size) / 128
    np.testing.assert_allclose((face.box[:2] + face.box[2:]) / 2, (x, y), atol=pixel_of_input)
    assert face.box[2] - face.box[0] == pytest.approx(1.6 * radius, abs=2 * pixel_of_input)
    assert face.eyes[0, 0] < x < face.eyes[1, 0] and face.eyes[:, 1].max() < y


def test_nothing_is_looked_at_while_no_search_is_due() -> None:
    models = disc_models()
    stage, attention = make(models)
    attention.is_search_due = False
    before = packet(draw_discs((100, 100, 30)))
    assert stage.run(before) is before
    assert runs_of(models, "detect_faces") == 0


@pytest.mark.parametrize(("fault", "reason"), [(np.nan, "not finite"), (0.0, "sees 896 faces in one frame")])
def test_an_output_that_cannot_be_is_an_error_and_not_an_empty_frame(fault: float, reason: str) -> None:
    models = disc_models()
    stage, _ = make(models)
    session = models.model("detect_faces").session

    def fail(_inputs: object, outputs: tuple[np.ndarray, ...]) -> None:
        for output in outputs:
            output.fill(fault)

    session.look = fail  # type: ignore[attr-defined]
    with pytest.raises(RuntimeRunError, match=reason):
        stage.run(packet(draw_discs()))
