"""Frames between supervisor and install helper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.ota.wire import MAX_FRAME_BYTES, FrameError, FrameReader, Kind, pack

FRAMES = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50)), max_size=8)


@given(FRAMES, st.integers(1, 40))
def test_frames_come_back_however_they_are_cut(frames: list[tuple[Kind, bytes]], piece: int) -> None:
    data = b"".join(pack(kind, payload) for kind, payload in frames)
    reader = FrameReader()
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    assert [frame for some in pieces for frame in reader.feed(some)] == frames


@pytest.mark.parametrize("data", [b"\x00\0\0\0\0", b"\x09\0\0\0\0", b"\x01" + (MAX_FRAME_BYTES + 1).to_bytes(4, "big")])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="cannot read a frame"):
        list(FrameReader().feed(data))
