"""Deltas from the files of older releases: which are made, and that they lead there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benching.model_pairs import fine_tune, load_content, scatter
from fakes.model_files import model_file
from fakes.planned import make_manifest, make_release, make_variant
from fakes.release_site import make_blanks

from edgefuse.config.manifest import Variant
from edgefuse.errors import StoreError
from edgefuse.factory.bases import Pair, list_pairs, make_deltas
from edgefuse.factory.matching import Content
from edgefuse.ota.delta import add_rebuilt
from edgefuse.store.release import Release
from edgefuse.store.store import Store


@pytest.fixture
def half(tmp_path: Path) -> Store:
    """The store of a device, or of a publisher: nothing is in it yet."""
    return Store(tmp_path / "half")


def keep(store: Store, content: bytes, like: Variant) -> Variant:
    """Put a file into a store, and describe it as a variant like another one."""
    file = model_file(content)
    store.add([content], file)
    return msgspec.structs.replace(like, files=(file,))


@pytest.mark.parametrize(
    ("model", "change", "share"),
    [
        ("blazeface-short", fine_tune, 0.15),  # docs/deltas.md has 12.97 % for the larger one
        ("yunet", lambda content: scatter(content, 1e-5), 0.30),
        ("yunet", lambda content: scatter(content, 1e-3), 0.50),
    ],
)
def test_device_rebuilds_a_trained_network_from_the_one_that_it_has(
    release: Release, store: Store, half: Store, *, model: str, change: Callable[[Content], Content], share: float
) -> None:
    shipped = next(variant for variant in release.manifest(model).variants if store.has_variant(variant))
    content = load_content(shipped, store)
    trained = change(content)
    base, target = keep(half, content.data, shipped), keep(half, trained.data, shipped)
    ((delta, data),) = make_deltas(Pair("detect_faces", base, target), half)
    assert len(data) == delta.size_bytes < share * len(trained.data)
    file = target.files[0]
    half.remove(file.sha256)
    path = half.root / "delta"
    path.write_bytes(data)
    add_rebuilt(half, delta.base_sha256, path, file)
    assert half.is_intact(file.sha256)


@pytest.mark.parametrize(
    ("kept_bytes", "new_bytes"),
    [(0, 1 << 14), (1 << 10, 15 << 10), (500, 0)],  # nothing in common; 6 %; less than the delta's line in the list
)
def test_delta_that_saves_too_little_is_left_out(half: Store, kept_bytes: int, new_bytes: int) -> None:
    random = np.random.default_rng(0)
    before = random.bytes(1 << 14)
    after = before[:kept_bytes] + random.bytes(new_bytes)
    base, target = (keep(half, content, make_variant("a")) for content in (before, after))
    assert list(make_deltas(Pair("detect_faces", base, target), half)) == []


def test_only_files_that_differ_get_a_delta(half: Store) -> None:
    contents = {"same": b"{}", "old": make_blanks(1), "new": make_blanks(2)}
    same, old, new = (model_file(content, name) for name, content in contents.items())
    for file in (same, old, new):
        half.add([contents[file.name]], file)
    before, after = (msgspec.structs.replace(make_variant("a"), files=files) for files in ((same, old), (same, new)))
    ((delta, data),) = make_deltas(Pair("detect_faces", before, after), half)
    assert (delta.part.file, delta.base_sha256) == (new, old.sha256)
    assert len(data) < 0.1 * new.size_bytes


def test_damaged_base_is_told(half: Store) -> None:
    base, target = (keep(half, make_blanks(i), make_variant("a")) for i in (1, 2))
    path = half.path(base.files[0].sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(16))
    with pytest.raises(StoreError, match="its content in the store has changed"):
        list(make_deltas(Pair("detect_faces", base, target), half))


def test_variants_are_paired_by_name_and_each_older_file_once() -> None:
    def other(name: str, content: bytes) -> Variant:
        return msgspec.structs.replace(make_variant(name), files=(model_file(content),))

    variants = other("a", b"3"), other("b", b"b"), other("new", b"n")
    target = make_release(make_manifest("finder", "detect_faces", *variants))
    bases = [
        make_release(make_manifest("finder", "detect_faces", other("a", content), other("b", b"b")))
        for content in (b"1", b"2", b"1")
    ]
    elsewhere = make_release(make_manifest("another", "detect_faces", other("a", b"4")))
    pairs = list_pairs(target, [*bases, elsewhere, target])
    assert [(pair.target.id, pair.base.files[0]) for pair in pairs] == [
        ("a", model_file(b"1")),
        ("a", model_file(b"2")),
    ]
