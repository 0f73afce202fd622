"""The grammar of addresses."""

from __future__ import annotations

import pytest

from edgefuse.vision.media.address import Mode, parse_address

DEFAULT = Mode(1280, 720, 30.0)


def test_what_is_not_said_is_the_default() -> None:
    address = parse_address("/dev/video0", DEFAULT)
    assert (address.place, address.mode) == ("/dev/video0", DEFAULT)


def test_a_size_without_a_rate_keeps_the_default_rate() -> None:
    assert parse_address("0,640x480", DEFAULT).mode == Mode(640, 480, 30.0)


def test_options_come_in_any_order() -> None:
    text = "live,frames=5,640x480@29.97"
    address = parse_address(text, DEFAULT, words=("live",), numbers=("frames",), is_placeless=True)
    assert address.mode == Mode(640, 480, 29.97)
    assert (address.words, address.numbers, address.place) == (frozenset({"live"}), {"frames": 5}, "")


@pytest.mark.parametrize("option", ["640", "0x480", "640x480@", "640x480@fast", "live", "frames=5", "", "-640x480"])
def test_an_unknown_option_is_told_with_those_that_are_known(option: str) -> None:
    with pytest.raises(ValueError, match=r'"" is not one of|" is not one of 1280x720@30$') as caught:
        parse_address(f"0,{option}", DEFAULT)
    assert str(caught.value).startswith(f'"{option}"')


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="a rate of 0 gives no frames"):
        parse_address("0,640x480@0", DEFAULT)
