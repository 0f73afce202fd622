"""Requests and chunks survive the wire, and nothing else is read as one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.ota.chunks import (
    MAX_CHUNK_BYTES,
    Chunk,
    Outcome,
    Request,
    read_chunk,
    read_request,
    write_chunk,
    write_request,
)

REQUEST = Request(stream=7, id=1, place="targets/models/detect_faces/ab12", offset_bytes=65536, length_bytes=65536)

number = st.integers(0, (1 << 32) - 1)
size = st.integers(0, (1 << 64) - 1)


def test_request_survives_the_wire() -> None:
    assert read_request(write_request(REQUEST)) == REQUEST


@given(st.builds(Chunk, number, number, size, size, st.binary(), st.sampled_from(Outcome)))
def test_chunk_survives_the_wire(chunk: Chunk) -> None:
    assert read_chunk(write_chunk(chunk)) == chunk


@pytest.mark.parametrize(
    "place",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".git/config", "a/.x", "a\\b", "a\0b", "a\n", "a b"],
)
def test_place_that_leads_out_is_no_place(place: str) -> None:
    refuse_place(place)


@pytest.mark.parametrize("place", ["/".join("abcdefghi"), "x" * 256])
def test_place_without_bounds_is_no_place(place: str) -> None:
    refuse_place(place)


def refuse_place(place: str) -> None:
    with pytest.raises(ValueError, match="place"):
        read_request(write_request(msgspec.structs.replace(REQUEST, place=place)))


@pytest.mark.parametrize("place", ["metadata/timestamp.json", "metadata/1.root.json", "targets/models/a_b/0.from.1"])
def test_what_lies_in_a_repository_is_a_place(place: str) -> None:
    assert read_request(write_request(msgspec.structs.replace(REQUEST, place=place))).place == place


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", 2),
        ("stream", -1),
        ("stream", 1 << 32),
        ("id", 1 << 32),
        ("offset_bytes", -1),
        ("offset_bytes", 1 << 53),
        ("length_bytes", 0),
        ("length_bytes", MAX_CHUNK_BYTES + 1),
        ("length_bytes", True),
        ("place", None),
    ],
)
def test_request_beyond_its_bounds_is_none(key: str, value: object) -> None:
    said = msgspec.to_builtins(REQUEST) | {key: value}
    with pytest.raises(ValueError, match=key):
        read_request(msgspec.json.encode(said))


def test_unknown_keys_are_for_later_versions() -> None:
    assert read_request(msgspec.json.encode(msgspec.to_builtins(REQUEST) | {"colour": "blue"})) == REQUEST


@given(st.binary(max_size=64))
def test_noise_is_no_request(payload: bytes) -> None:
    with pytest.raises(ValueError):
        read_request(payload)


@given(st.binary(max_size=64))
def test_noise_is_a_chunk_or_none(payload: bytes) -> None:
    try:
        chunk = read_chunk(payload)
    except ValueError:
        return
    assert write_chunk(chunk) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        write_chunk(Chunk(1, 2, 3, 4, b""))[:-1],
        write_chunk(Chunk(1, 2, 3, 4, bytes(MAX_CHUNK_BYTES + 1))),
        b"\2" + write_chunk(Chunk(1, 2, 3, 4, b""))[1:],
        b"\1\7" + write_chunk(Chunk(1, 2, 3, 4, b""))[2:],
    ],
    ids=["nothing", "too short", "too long", "another version", "another outcome"],
)
def test_what_is_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        read_chunk(payload)


def test_longest_request_there_may_be_is_short_enough() -> None:
    longest = Request(
        stream=(1 << 32) - 1, id=(1 << 32) - 1, place="x" * 255, offset_bytes=(1 << 53) - 1, length_bytes=65536
    )
    assert read_request(write_request(longest)) == longest
