"""What the gates of ``tools/convert`` let through."""

from __future__ import annotations

import numpy as np
import pytest
from converting.errors import ConvertError
from converting.gate import GATES, Gate, Measures, Result, measure, ranges

from edgefuse import paths
from edgefuse.config.manifest import load_manifests

MANIFESTS = {manifest.id: manifest for manifest in load_manifests(paths.manifest_dir())}
FACEMESH = MANIFESTS["facemesh"]
BLAZEFACE, YUNET = MANIFESTS["blazeface-short"], MANIFESTS["yunet"]


def make_mesh(moved_px: float = 0.0) -> Result:
    points = np.random.default_rng(1).uniform(0, 192, (5, 468, 3)).astype(np.float32)
    points[:, 33, :2], points[:, 263, :2] = (50, 80), (150, 80)
    points[:, :, 0] += moved_px
    return Result(FACEMESH.variants[0], [points.reshape(5, 1, 1, 1404), np.ones((5, 1, 1, 1), np.float32)])


def make_boxes(x_px: float = 0.0, count: int = 1) -> Result:
    """Let BlazeFace find faces 40 px wide in each of three crops, 64 px apart."""
    regressors, logits = np.zeros((3, 896, 16), np.float32), np.full((3, 896, 1), -9, np.float32)
    for anchor in range(0, 16 * count, 16):
        regressors[:, anchor, :4], logits[:, anchor] = (x_px, 0, 40, 40), 9
    return Result(BLAZEFACE.variants[0], [regressors, logits])


def make_yunet(size_px: int, width_px: float) -> Result:
    """Let YuNet find one face in the middle of one crop."""
    variant = YUNET.variant(f"fp32-{size_px}-onnx")
    outputs = {spec.name: np.zeros(spec.shape, np.float32) for spec in variant.outputs}
    middle = (size_px // 8) ** 2 // 2 + size_px // 16
    outputs["cls_8"][0, middle] = outputs["obj_8"][0, middle] = 1
    outputs["bbox_8"][0, middle] = (0, 0, *[np.log(width_px / 8)] * 2)
    return Result(variant, list(outputs.values()))


def test_landmarks_are_measured_against_the_distance_of_the_eyes() -> None:
    measures = measure(FACEMESH, make_mesh(), make_mesh(moved_px=0.1), GATES["fp32"])
    assert measures.moved_pt == pytest.approx(0.1, rel=1e-3)  # of 100 px
    assert measures.lost is None


def test_difference_is_in_parts_of_the_range() -> None:
    got = make_boxes()
    got.outputs[0][0, 0, 2] += 4
    measures = measure(BLAZEFACE, make_boxes(), got, GATES["fp32"])
    assert measures.difference == pytest.approx(0.1)  # 4 of 40


def test_a_crop_on_which_values_run_away_widens_no_range() -> None:
    outputs = [np.ones((100, 4), np.float32), np.full((100, 1), -3, np.float32)]
    outputs[0][7], outputs[1][:4] = 1e6, 1e6
    assert ranges(outputs) == [1, 3]


@pytest.mark.parametrize(
    ("got", "lost"),
    [(make_boxes(), 0.0), (make_boxes(x_px=2), 1.0), (make_boxes(count=0), 1.0), (make_boxes(count=4), 1.0)],
    ids=["same", "moved", "none", "more"],
)
def test_other_faces_are_counted(got: Result, lost: float) -> None:
    assert measure(BLAZEFACE, make_boxes(), got, GATES["fp32"]).lost == lost


def test_another_size_is_compared_by_its_faces_alone() -> None:
    measures = measure(YUNET, make_yunet(640, width_px=80), make_yunet(320, width_px=40), GATES["resize"])
    assert measures == Measures(lost=0)
    assert measure(YUNET, make_yunet(640, width_px=80), make_yunet(320, width_px=80), GATES["resize"]).lost == 1


def test_values_that_are_not_finite_are_refused() -> None:
    got = make_mesh()
    got.outputs[1][0] = np.nan
    with pytest.raises(ConvertError, match="infinite"):
        measure(FACEMESH, make_mesh(), got, GATES["fp16"])


def test_a_gate_names_what_is_over_its_limit() -> None:
    gate = Gate(Measures(difference=1e-4, lost=0), min_overlap=0.9)
    assert gate.misses(Measures(difference=1e-3, lost=0, moved_pt=9)) == ["difference is 0.001, 0.0001 is allowed"]
