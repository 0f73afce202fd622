"""The shipped manifests as data."""

from __future__ import annotations

import pytest
from converting import docs
from converting.recipe import RECIPES

from edgefuse import paths
from edgefuse.config.manifest import Variant, load_manifests
from edgefuse.planning.golden import VALUES_PER_OUTPUT

MANIFESTS = load_manifests(paths.manifest_dir())
VARIANTS = [pytest.param(v, id=f"{m.id}-{v.id}") for m in MANIFESTS for v in m.variants]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_output_has_golden_values(variant: Variant) -> None:
    assert set(variant.golden) == {spec.name for spec in variant.outputs}
    assert all(len(golden.values) in (1, VALUES_PER_OUTPUT) for golden in variant.golden.values())
    assert all(golden.tolerance > 0 for golden in variant.golden.values())


@pytest.mark.parametrize("factor", [0, 0.95, 1.05], ids=["zero", "5 % too small", "5 % too large"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_values_tell_a_wrong_scale(variant: Variant, factor: float) -> None:
    differences = [(max(abs(v - v * factor) for v in golden.values), golden) for golden in variant.golden.values()]
    assert any(difference > golden.tolerance for difference, golden in differences)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pictures_have_the_size_of_the_variant(variant: Variant) -> None:
    for spec in variant.inputs:
        channels_last = (1, variant.size_px, variant.size_px, 3)
        shapes = {"nhwc": channels_last, "nchw": (1, 3, variant.size_px, variant.size_px), "plain": spec.shape}
        assert spec.shape == shapes[spec.layout]


def test_converted_variants_are_those_of_the_recipes() -> None:
    listed = {
        (manifest.id, variant.files[0].source.converted_from, variant.id)
        for manifest in MANIFESTS
        for variant in manifest.variants
        if variant.files[0].source.kind == "converted_from"
    }
    assert listed == {(recipe.model, recipe.source, recipe.variant) for recipe in RECIPES}


def test_a_source_is_made_before_what_is_made_from_it() -> None:
    made = [(recipe.model, recipe.variant) for recipe in RECIPES]
    for i, recipe in enumerate(RECIPES):
        assert (recipe.model, recipe.source) not in made[i:]


def test_converted_onnx_suits_openvino_2022() -> None:
    made = {(recipe.model, recipe.variant) for recipe in RECIPES if recipe.format == "onnx"}
    onnx = [v for m in MANIFESTS for v in m.variants if (m.id, v.id) in made]
    assert all(v.opset is not None and v.opset <= 13 and v.has_static_shapes for v in onnx)


def test_only_the_generator_of_people_is_closed_to_commerce() -> None:
    assert {m.task for m in MANIFESTS if not m.licence.allows_commercial_use} == {"make_person"}


def test_the_page_tells_what_the_manifests_say() -> None:
    page = docs.PAGE.read_text(encoding="utf-8")
    assert docs.models(MANIFESTS) in page
    assert docs.variants(MANIFESTS) in page
