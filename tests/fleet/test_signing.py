"""What an operator's command becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.enrolment import enrol, rotate, rotate_signing_key
from edgefuse.fleet.signing import make_action, seal_action
from edgefuse.link.commands import CollectLogs, Pause, PinPoint, SetEffect, SetFace, Watch, parse_action
from edgefuse.link.credentials import install_credentials
from edgefuse.link.envelope import unseal
from edgefuse.link.operators import load_operators


@pytest.mark.parametrize(
    ("command", "value", "action"),
    [
        ("pause", None, Pause()),
        ("pin-point", "2", PinPoint(point=2)),
        ("pin-point", "auto", PinPoint(point=None)),
        ("set-effect", "anonymise", SetEffect(effect="anonymise")),
        ("set-effect", "default", SetEffect(effect="")),
        ("set-face", "person-3", SetFace(face="person-3")),
        ("set-face", "default", SetFace(face=None)),
        ("watch", None, Watch()),
        ("collect-logs", "50", CollectLogs(lines=50)),
    ],
)
def test_words_become_an_action(command: str, value: str | None, action: object) -> None:
    assert make_action(command, value) == action


@pytest.mark.parametrize(
    ("command", "value", "reason"),
    [
        ("fly", None, "there is no such command; choose from status, watch"),
        ("pause", "now", "pause takes no value"),
        ("pin-point", None, "missing required field `point`"),
        ("pin-point", "fast", "`int | null`"),
        ("pin-point", "-1", ">= 0"),
        ("set-effect", "x" * 65, "<= 64"),
        ("watch", "601", "<= 600"),
    ],
)
def test_what_no_device_would_take_is_refused_here(command: str, value: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match="cannot send") as error:
        make_action(command, value)
    assert reason in str(error.value)


def test_device_recognises_the_signature_and_what_was_asked(site: Path, tmp_path: Path) -> None:
    install_credentials(enrol(site, "a"), tmp_path / "a", site.stat())
    sealed = seal_action(site, "a", "pin-point", PinPoint(point=2), 30.0)
    command, operator = unseal(sealed.envelope, load_operators(tmp_path / "a/operators.json"))
    assert (command, operator.role) == (sealed.command, "operator")
    assert (command.device, parse_action(command)) == ("a", PinPoint(point=2))


def test_device_is_asked_under_the_key_that_it_trusts(site: Path, tmp_path: Path) -> None:
    install_credentials(enrol(site, "a"), tmp_path / "a", site.stat())
    rotate_signing_key(site)
    unseal(seal_action(site, "a", "pause", Pause(), 30.0).envelope, load_operators(tmp_path / "a/operators.json"))
    install_credentials(rotate(site, "a"), tmp_path / "new", site.stat())
    unseal(seal_action(site, "a", "pause", Pause(), 30.0).envelope, load_operators(tmp_path / "new/operators.json"))


def test_numbers_rise_also_when_the_last_one_is_lost(site: Path) -> None:
    enrol(site, "a")

    def number() -> int:
        return seal_action(site, "a", "pause", Pause(), 30.0).command.seq

    numbers = [number() for _ in range(20)]
    (site / "sequence.json").unlink()
    numbers.append(number())
    assert numbers == sorted(set(numbers))


def test_number_rises_while_the_clock_goes_back(site: Path) -> None:
    enrol(site, "a")
    ahead = 1 << 52
    (site / "sequence.json").write_text(f'{{"v":1,"last":{ahead}}}')
    assert seal_action(site, "a", "pause", Pause(), 30.0).command.seq == ahead + 1


def test_broken_file_of_numbers_is_told(site: Path) -> None:
    enrol(site, "a")
    (site / "sequence.json").write_text("{")
    with pytest.raises(ConfigError, match="remove that file"):
        seal_action(site, "a", "pause", Pause(), 30.0)


def test_device_that_is_unknown_is_asked_for_nothing(site: Path) -> None:
    with pytest.raises(EdgefuseError, match="not enrolled"):
        seal_action(site, "a", "pause", Pause(), 30.0)
    assert not (site / "sequence.json").exists()
