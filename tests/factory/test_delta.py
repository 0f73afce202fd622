import bz2
import hashlib
from pathlib import Path

import bsdiff4
import hdiffpatch
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefuse.config.manifest import ModelFile, Source
from edgefuse.factory.delta import encode, make_delta
from edgefuse.factory.layout import Tensor, find_tensors
from edgefuse.factory.matching import Content, match_bytes, match_tensors
from edgefuse.ota import zstd
from edgefuse.ota.delta import rebuild
from edgefuse.store.release import Release
from edgefuse.store.store import Store

_RANDOM = np.random.default_rng(0)
_WEIGHTS = _RANDOM.normal(0.0, 0.1, 1 << 14).astype("<f4")


def rebuilt(base: bytes, delta: bytes, target: bytes, folder: Path) -> bytes:
    (folder / "base").write_bytes(base)
    (folder / "delta").write_bytes(delta)
    sha256 = hashlib.sha256(target).hexdigest()
    file = ModelFile(name="m", sha256=sha256, size_bytes=max(1, len(target)), source=Source(file="/m"))
    return b"".join(rebuild(folder / "base", folder / "delta", file))


def model(*weights: NDArray[np.float32], names: str = "abcdef") -> Content:
    """A file of an invented format: before each tensor stands its name."""
    data, tensors = b"", []
    for name, tensor in zip(names, weights, strict=False):
        data += b"tensor " + name.encode() + b": "
        tensors.append(Tensor(name.encode(), len(data), tensor.nbytes, 4))
        data += tensor.tobytes()
    return Content(data, tuple(tensors))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two files, of which the second is made from pieces of the first and new ones."""
    base = draw(st.binary(max_size=400))
    place = st.integers(0, len(base))
    pieces = draw(st.lists(st.tuples(place, place) | st.binary(max_size=60), max_size=6))
    return base, b"".join(piece if isinstance(piece, bytes) else base[slice(*piece)] for piece in pieces)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """A file with some tensors somewhere."""
    data, tensors = b"", []
    for i in range(draw(st.integers(0, 4))):
        data += draw(st.binary(max_size=12))
        width = draw(st.sampled_from((1, 2, 4, 8)))
        length = width * draw(st.integers(1, 20))
        tensors.append(Tensor(b"%d" % i, len(data), length, width))
        data += draw(st.binary(min_size=length, max_size=length))
    return Content(data + draw(st.binary(max_size=12)), tuple(tensors))


@settings(deadline=None)
@given(pair=pairs())
def test_any_pair_is_rebuilt(tmp_path_factory: pytest.TempPathFactory, pair: tuple[bytes, bytes]) -> None:
    base, target = pair
    folder = tmp_path_factory.getbasetemp()
    for delta in (make_delta(Content(base), Content(target)), encode(*map(Content, pair), match_bytes(*pair))):
        assert rebuilt(base, delta, target, folder) == target


@settings(deadline=None)
@given(base=contents(), target=contents())
def test_any_pair_with_tensors_is_rebuilt(
    tmp_path_factory: pytest.TempPathFactory, base: Content, target: Content
) -> None:
    folder = tmp_path_factory.getbasetemp()
    delta = encode(base, target, match_tensors(base, target))
    assert rebuilt(base.data, delta, target.data, folder) == target.data


@settings(deadline=None)
@given(pair=pairs())
def test_no_other_way_is_smaller_even_for_tiny_files(pair: tuple[bytes, bytes]) -> None:
    base, target = pair
    size_bytes = min(len(make_delta(Content(base), Content(target))), len(target))
    assert size_bytes <= len(zstd.compress(target, 22))
    form_bytes = 16  # the form costs so much more than HDiffPatch's, which counts below some hundred bytes
    for compression in ("zstd", "lzma2", "bzip2"):
        assert size_bytes <= len(hdiffpatch.diff(base, target, compression, validate=False)) + form_bytes
    assert size_bytes <= len(bsdiff4.diff(base, target))


def test_small_changes_of_all_weights_cost_what_they_tell() -> None:
    base = model(_WEIGHTS)
    for relative, bits in ((1e-5, 8.5), (1e-3, 15.8)):
        noise = _RANDOM.uniform(-relative, relative, _WEIGHTS.size)
        target = model((_WEIGHTS * (1.0 + noise)).astype("<f4"))
        # 2^23 steps to a power of two, so up to 168 and 16,777 of them each way: that many bits of 32, and a little.
        assert len(make_delta(base, target)) < bits / 32 * len(target.data)


def test_what_did_not_change_costs_nothing() -> None:
    frozen = [_RANDOM.normal(size=4096).astype("<f4") for _ in range(3)]
    delta = make_delta(model(*frozen, _WEIGHTS[:64]), model(*frozen, _WEIGHTS[:64] * np.float32(2.0)))
    assert len(delta) < 300


def test_tensors_are_found_under_another_name_and_in_another_place() -> None:
    first, second = _WEIGHTS[:4096], _WEIGHTS[4096:8192]
    delta = make_delta(model(first, second), model(_WEIGHTS[:16], second, first, names="xyz"))
    assert len(delta) < 300


def test_a_new_tensor_is_smaller_than_compressed() -> None:
    delta = make_delta(model(_WEIGHTS[:64]), model(_WEIGHTS[:64], _WEIGHTS))
    assert len(delta) < len(zstd.compress(_WEIGHTS.tobytes(), 19)) < _WEIGHTS.nbytes


def test_the_same_pair_makes_the_same_delta() -> None:
    base, target = model(_WEIGHTS), model(_WEIGHTS * np.float32(1.01))
    assert make_delta(base, target) == make_delta(base, target)


@pytest.mark.parametrize("model_format", ["tflite", "onnx", "openvino_ir"])
def test_tensors_are_most_of_a_real_model(release: Release, store: Store, model_format: str) -> None:
    shares = []
    for manifest in release.manifests:
        for variant in manifest.variants:
            if variant.format == model_format and store.has_variant(variant):
                files = {file.name: store.path(file.sha256).read_bytes() for file in variant.files}
                found = find_tensors(variant.format, files)
                name = max(files, key=lambda name: len(files[name]))
                shares.append(sum(tensor.length for tensor in found[name]) / len(files[name]))
    assert shares
    assert min(shares) > 0.85


@pytest.mark.parametrize("content", [b"", b"junk", bytes(100), b"\x3a\x7f" + bytes(50), bz2.compress(b"x" * 99)])
@pytest.mark.parametrize("model_format", ["tflite", "onnx", "openvino_ir", "fake"])
def test_what_is_no_model_has_no_tensors(model_format: str, content: bytes) -> None:
    found = find_tensors(model_format, {"m.bin": content, "m.xml": content})  # type: ignore[arg-type]
    assert not any(found.values())
