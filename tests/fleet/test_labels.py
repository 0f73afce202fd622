"""Labels and the selectors that name devices by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.enrolment import enrol, revoke
from edgefuse.fleet.labels import ALL, parse_labels, parse_selector, relabel, select
from edgefuse.fleet.site import load_register

LABELS = {"site": "north", "floor": "2", "example.com/camera": ""}


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("site=north", True),
        ("site==north", True),
        ("site=south", False),
        ("site!=south", True),
        ("site!=north", False),
        ("spare!=yes", True),  # as in Kubernetes: a label that is not there has no value
        ("site", True),
        ("spare", False),
        ("!spare", True),
        ("!site", False),
        ("site=north,floor!=3,!spare", True),
        ("site=north,floor=3", False),
        (" site = north , floor != 3 ", True),
        ("example.com/camera", True),
        ("example.com/camera=", True),
    ],
)
def test_selector_names_devices_by_their_labels(text: str, is_meant: bool) -> None:
    assert parse_selector(text).matches(LABELS) is is_meant


def test_empty_selector_names_all() -> None:
    assert ALL.matches({})
    assert ALL.matches(LABELS)


@pytest.mark.parametrize("text", ["", ",", "a,", "=b", "!", "a=b=c", "!a=b", "a in (b)", "a b", "-a", "a=" + "b" * 64])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot select by"):
        parse_selector(text)


@pytest.mark.parametrize("word", ["", "a", "=b", "a=b c", "a=\x1b[2J", "a b=c", "a=-", "a" * 64 + "=b", "a=b\n"])
def test_what_is_no_label_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="cannot label by"):
        parse_labels([word])


def test_labels_are_changed_together(site: Path) -> None:
    enrol(site, "a", {"site": "north", "floor": "2"})
    assert relabel(site, "a", ["floor-", "site=south", "door=3", "never-"]) == {"door": "3", "site": "south"}
    assert load_register(site).find("a").labels == {"door": "3", "site": "south"}


def test_device_without_trust_is_not_labelled_and_not_chosen(site: Path) -> None:
    for device in ("b", "a", "gone"):
        enrol(site, device, {"site": "north"})
    revoke(site, "gone")
    with pytest.raises(EdgefuseError, match="revoked"):
        relabel(site, "gone", ["site=south"])
    assert select(load_register(site), parse_selector("site=north")) == ["a", "b"]
    with pytest.raises(ConfigError, match="such labels"):
        select(load_register(site), parse_selector("site=south"))
