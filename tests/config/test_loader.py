import msgspec
import pytest

from edgefuse.config.loader import parse_settings
from edgefuse.errors import ConfigError


class Options(msgspec.Struct, frozen=True):
    size_px: int = 8
    name: str = ""


def test_single_values_are_read_as_the_kind_that_is_asked_for() -> None:
    assert parse_settings({"size_px": "9", "name": "10"}, Options, "--set stage.") == Options(size_px=9, name="10")


def test_every_value_that_does_not_fit_is_named_by_its_key() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings({"size": "9", "size_px": "wide", "name": "[1]"}, Options, "--set stage.")
    assert str(caught.value).splitlines() == [
        "--set stage.size: unknown key (did you mean `size_px`?)",
        '--set stage.size_px: expected a whole number, got "wide"',
        "--set stage.name: expected text, got a list",
    ]


def test_a_value_cannot_bring_a_second_key() -> None:
    with pytest.raises(ConfigError, match=r"^--set stage\.size_px:"):
        parse_settings({"size_px": "9, name: smuggled"}, Options, "--set stage.")
