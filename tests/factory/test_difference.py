"""What a release changes on which board, and what that costs to fetch."""

from __future__ import annotations

import msgspec
from fakes.planned import make_host, make_manifest, make_profile, make_release, make_variant

from edgefuse.config.profile import OperatingPoint
from edgefuse.factory.difference import Change, compare
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import Release
from edgefuse.store.terms import Constraints, Gates

TFLITE = make_profile("tflite", id="small", sample=make_host("tflite"))
BOTH = make_profile("onnxruntime", "tflite", id="large", sample=make_host("tflite", "onnxruntime"))


def release(*variants: str, **keys: object) -> Release:
    """Give a release of a detector in these variants; one that ends with ``onnx`` is for ONNX Runtime."""
    made = [make_variant(v, format="onnx" if v.endswith("onnx") else "tflite", opset=11) for v in variants]
    return msgspec.structs.replace(make_release(make_manifest("finder", "detect_faces", *made)), **keys)


def test_release_changes_nothing_against_itself() -> None:
    same = compare(release("a"), release("a"), [TFLITE, BOTH])
    assert same.terms == ()
    assert [(board.changes, board.fetch_bytes) for board in same.boards] == [((), 0), ((), 0)]


def test_board_fetches_only_what_its_plan_chooses() -> None:
    small, large = compare(release("a"), release("a", "fp32-128-onnx"), [TFLITE, BOTH]).boards
    assert (small.changes, small.fetch_bytes) == ((), 0)
    change = Change(task="detect_faces", size_px=128, before="finder a", after="finder fp32-128-onnx")
    assert large.changes == (change,)
    assert large.fetch_bytes == len("fp32-128-onnx")


def test_other_files_of_the_same_variant_are_a_change() -> None:
    after = release("a")
    manifest = after.manifests[0]
    other = msgspec.structs.replace(make_variant("another content"), id="a")
    manifests = (msgspec.structs.replace(manifest, variants=(other,)), *after.manifests[1:])
    (board,) = compare(release("a"), msgspec.structs.replace(after, manifests=manifests), [TFLITE]).boards
    assert [change.after for change in board.changes] == ["finder a with other files"]
    assert board.fetch_bytes == len("another content")


def test_deltas_from_what_ran_before_are_fetched_in_place_of_files() -> None:
    """A delta from what another board ran, or one that is larger than the file, saves nothing here."""
    before, after = release("a-tflite", "b-onnx"), release("new-a-tflite", "new-b-onnx")
    new, other = (variant.files[0] for variant in after.manifests[0].variants)
    old, elsewhere = (variant.files[0].sha256 for variant in before.manifests[0].variants)
    deltas = {(new.sha256, old): 5, (new.sha256, elsewhere): 1, (other.sha256, elsewhere): 99}
    small, large = compare(before, after, [TFLITE, BOTH], deltas).boards
    assert (small.fetch_bytes, small.delta_fetch_bytes) == (new.size_bytes, 5)
    assert (large.fetch_bytes, large.delta_fetch_bytes) == (other.size_bytes, other.size_bytes)


def test_board_that_the_release_does_not_reach_says_why() -> None:
    boards = compare(release("a"), release("b", constraints=Constraints(profiles=("large",))), [TFLITE, BOTH]).boards
    assert boards[0].obstacle == "it is for large only"
    assert boards[1].obstacle == ""
    (unable,) = compare(release("a"), release("b-onnx"), [TFLITE]).boards
    assert "finder" in unable.obstacle


def test_board_that_could_do_nothing_before_fetches_all() -> None:
    (board,) = compare(release("a-onnx"), release("b"), [TFLITE]).boards
    assert {change.before for change in board.changes} == {""}
    assert board.fetch_bytes == board.delta_fetch_bytes == len("b") + len("mesh-tflite")


def test_terms_are_compared_key_by_key() -> None:
    after = release("a", gates=Gates(rate_floor_hz=10.0), settings={"anonymise": {"method": "blur"}})
    assert compare(release("a"), after, []).terms == (
        "gates.rate_floor_hz: 0.0 -> 10.0",
        'settings.anonymise.method: nothing -> "blur"',
    )


def test_points_that_a_release_brings_are_told_and_planned_for() -> None:
    before = make_release(make_manifest("finder", "detect_faces", make_variant("a"), make_variant("b", 64)))
    point = OperatingPoint(effect_px=256, detect_px=64, rate_hz=30, detect_every=5)
    after = msgspec.structs.replace(before, boards={"small": BoardSettings(ladder=(point,))})
    difference = compare(before, after, [TFLITE, BOTH])
    assert [term.partition(":")[0] for term in difference.terms] == ["boards.small.ladder"]
    small, large = difference.boards
    assert [(change.size_px, change.before) for change in small.changes] == [(64, ""), (128, "finder a")]
    assert large.changes == ()


def test_another_embedding_space_means_enrolling_again() -> None:
    finder = make_manifest("finder", "detect_faces", make_variant("a"))
    releases = [
        make_release(finder, make_manifest("embedder", "embed_faces", make_variant("e"), embedding_space=space))
        for space in ("a-128", "b-128")
    ]
    assert compare(*releases, []).terms == (
        "embedding space: a-128 -> b-128; who is enrolled in a-128 must be enrolled again",
    )
    assert compare(release("a"), releases[1], []).terms == ("embedding space: none -> b-128",)
