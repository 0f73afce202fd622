import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benching.rebuilding import Rebuilding
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefuse.config.manifest import ModelFile, Source
from edgefuse.factory.delta import encode
from edgefuse.factory.matching import Content, Match
from edgefuse.ota import planes, zstd
from edgefuse.ota.delta import BLOCK_BYTES, MAGIC, MAX_SEGMENTS, Block, DeltaError, Segment, add_rebuilt, rebuild
from edgefuse.store.store import Store

CHECKOUT = Path(__file__).resolve().parents[2]
Rebuild = Callable[[bytes, bytes, bytes], bytes]


def make_file(content: bytes) -> ModelFile:
    sha256 = hashlib.sha256(content).hexdigest()
    return ModelFile(name="m.onnx", sha256=sha256, size_bytes=len(content), source=Source(file="/m.onnx"))


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Rebuild:
    """Rebuild a target from bytes, as a device does from files."""
    folder = tmp_path_factory.mktemp("rebuilt")

    def run(base: bytes, delta: bytes, target: bytes) -> bytes:
        (folder / "base").write_bytes(base)
        (folder / "delta").write_bytes(delta)
        return b"".join(rebuild(folder / "base", folder / "delta", make_file(target)))

    return run


def pack(*blocks: bytes) -> bytes:
    return MAGIC + zstd.compress(b"".join(len(block).to_bytes(4, "little") + block for block in blocks))


def pack_block(differences: bytes, *segments: Segment) -> bytes:
    return msgspec.msgpack.encode(Block(segments, memoryview(differences)))


_WEIGHTS = np.random.default_rng(0).normal(0.0, 0.1, 1 << 12).astype("<f4")
_BASE = b"head" + _WEIGHTS.tobytes() + b"tail"
_TARGET = b"HEAD" + (_WEIGHTS * np.float32(1.001)).tobytes() + b"tail"
_MATCHES = (Match(4, 1 << 14, 4, 4), Match(4 + (1 << 14), 4, 4 + (1 << 14)))
_DELTA = encode(Content(_BASE), Content(_TARGET), _MATCHES)


@settings(deadline=None)
@given(data=st.data(), width=st.sampled_from((2, 4, 8)), is_sorted=st.booleans())
def test_planes_keep_every_bit_pattern(data: st.DataObject, width: planes.Width, is_sorted: bool) -> None:
    count = width * data.draw(st.integers(1, 40))
    before, after = (np.frombuffer(data.draw(st.binary(min_size=count, max_size=count)), np.uint8) for _ in range(2))
    split = planes.split(before, after, width, is_sorted=is_sorted)
    assert planes.join(before, split, width, is_sorted=is_sorted).tobytes() == after.tobytes()


def test_small_changes_leave_the_upper_planes_empty() -> None:
    before, after = _WEIGHTS.view(np.uint8), np.nextafter(_WEIGHTS, np.float32(1.0)).view(np.uint8)
    assert not planes.split(before, after, 4, is_sorted=False)[len(_WEIGHTS) :].any()


def test_a_delta_leads_to_its_target(rebuilt: Rebuild) -> None:
    assert rebuilt(_BASE, _DELTA, _TARGET) == _TARGET


def test_a_plain_stream_needs_no_base(rebuilt: Rebuild) -> None:
    assert rebuilt(b"", zstd.compress(_TARGET), _TARGET) == _TARGET


def test_files_larger_than_a_block_are_rebuilt(rebuilt: Rebuild) -> None:
    base = np.random.default_rng(0).integers(0, 256, 3 * BLOCK_BYTES + 5, np.uint8)
    target = (base + (np.arange(base.size) % 97 == 0)).astype(np.uint8).tobytes()
    matches = [Match(0, len(target), 0)]
    assert rebuilt(base.tobytes(), encode(Content(base.tobytes()), Content(target), matches), target) == target


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, len(_DELTA) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_never_leads_elsewhere(rebuilt: Rebuild, place: int, bit: int) -> None:
    damaged = bytearray(_DELTA)
    damaged[place] ^= 1 << bit
    with suppress(DeltaError):
        assert rebuilt(_BASE, bytes(damaged), _TARGET) == _TARGET  # zstd ignores some bits


@settings(deadline=None)
@given(length=st.integers(0, len(_DELTA) - 1))
def test_a_truncated_delta_is_refused(rebuilt: Rebuild, length: int) -> None:
    with pytest.raises(DeltaError, match=r"cannot rebuild m\.onnx from a delta"):
        rebuilt(_BASE, _DELTA[:length], _TARGET)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_junk_in_a_sound_stream_is_refused(rebuilt: Rebuild, content: bytes) -> None:
    with pytest.raises(DeltaError):
        rebuilt(_BASE, MAGIC + zstd.compress(content), _TARGET)


_BLOCKS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.integers(-9, 1 << 64), st.none() | st.integers(-(1 << 63), 1 << 63), st.integers(0, 8), st.booleans()
            ),
            max_size=4,
        ),
        st.binary(max_size=64),
    ),
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(blocks=_BLOCKS)
def test_segments_that_lie_are_refused(rebuilt: Rebuild, blocks: list[object]) -> None:
    try:
        delta = pack(*map(msgspec.msgpack.encode, blocks))
    except OverflowError:  # msgpack itself cannot say it
        return
    with pytest.raises(DeltaError):
        rebuilt(_BASE, delta, _TARGET)


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        (b"", "no delta"),
        (b"PK\x03\x04" + bytes(100), "no delta"),
        (pack(pack_block(b"", Segment(10, -1))), "before the start of its base"),
        (pack(pack_block(b"", Segment(1 << 40, 0))), "that its base does not have"),
        (pack(pack_block(b"", Segment(1 << 40, None))), "makes more than the"),
        (pack(pack_block(b"12", Segment(1, None, 1))), "other differences than its segments say"),
        (pack(pack_block(b"123", Segment(3, None, 4))), "whole numbers"),
        (pack(pack_block(b"", *[Segment(1, 0)] * (MAX_SEGMENTS + 1))), "damaged"),
        (pack(pack_block(bytes(2 * BLOCK_BYTES), Segment(2 * BLOCK_BYTES, None, 1))), "too large"),
        (pack(pack_block(b"", Segment(4, 0))), "not what the release names"),
        (pack(b"\x93" + pack_block(b"", Segment(4, 0))[1:] + b"\x91" * 100_000), "damaged"),
        (_DELTA + b"more", "damaged"),
        (_DELTA + zstd.compress(b"more"), "too large"),
        (zstd.compress(bytes(1 << 24)), "makes more than the"),
        (zstd.compress(_TARGET[:-1]), "not what the release names"),
    ],
)
def test_a_hostile_delta_is_refused_with_its_reason(rebuilt: Rebuild, delta: bytes, reason: str) -> None:
    with pytest.raises(DeltaError, match=reason):
        rebuilt(_BASE, delta, _TARGET)


def test_a_bomb_is_stopped_whatever_size_its_frame_names(rebuilt: Rebuild) -> None:
    bomb = zstd.compress(bytes(1 << 26))
    assert len(bomb) < 1 << 14
    for delta in (bomb, MAGIC + bomb):
        with pytest.raises(DeltaError):
            rebuilt(_BASE, delta, _TARGET)


def test_a_stream_that_needs_much_memory_is_refused(rebuilt: Rebuild) -> None:
    options = {int(zstd.CompressionParameter.window_log): 27}
    target = bytes(np.random.default_rng(0).integers(0, 256, 1 << 24, np.uint8))
    with pytest.raises(DeltaError, match="too much memory"):
        rebuilt(_BASE, zstd.compress(target, options=options), target)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    base = np.random.default_rng(0).normal(size=3 << 20).astype("<f2")
    target = (base * np.float16(1.01)).astype("<f2").tobytes()
    matches = [Match(0, len(target), 0, 2)]
    (tmp_path / "base").write_bytes(base.tobytes())
    (tmp_path / "delta").write_bytes(encode(Content(base.tobytes()), Content(target), matches))
    file = make_file(target)
    command = ["-m", "benching.rebuilding", tmp_path / "base", tmp_path / "delta", str(file.size_bytes), file.sha256]
    path = f"{CHECKOUT}:{CHECKOUT / 'tools'}"
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, check=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert msgspec.json.decode(done.stdout, type=Rebuilding).growth_mb <= 16.0


def test_another_base_is_refused(rebuilt: Rebuild) -> None:
    with pytest.raises(DeltaError, match="not what the release names"):
        rebuilt(bytes(len(_BASE)), _DELTA, _TARGET)


def test_the_store_keeps_what_was_rebuilt_and_nothing_else(tmp_path: Path) -> None:
    store, delta = Store(tmp_path / "store"), tmp_path / "delta"
    (tmp_path / "base").write_bytes(_BASE)
    base = store.add_file(tmp_path / "base")
    file = make_file(_TARGET)
    delta.write_bytes(_DELTA[:-20])
    with pytest.raises(DeltaError):
        add_rebuilt(store, base, delta, file)
    assert store.blobs() == (base,)
    delta.write_bytes(_DELTA)
    add_rebuilt(store, base, delta, file)
    assert store.is_intact(file.sha256)


def test_a_missing_base_is_told(tmp_path: Path) -> None:
    (tmp_path / "delta").write_bytes(_DELTA)
    with pytest.raises(DeltaError, match="No such file"):
        add_rebuilt(Store(tmp_path / "store"), "0" * 64, tmp_path / "delta", make_file(_TARGET))


def test_rebuilding_imports_no_runtime() -> None:
    probe = "import sys, edgefuse.ota.delta; print({'cv2', 'av', 'onnx', 'hdiffpatch', 'tuf'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
