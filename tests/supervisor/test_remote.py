"""What the fleet asks for, as the control socket is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edgefuse import paths
from edgefuse.errors import EdgefuseError
from edgefuse.link.commands import ACTIONS, Action, Pause, PinPoint, Resume, SetEffect, SetFace
from edgefuse.supervisor.control import AnyRequest, Done, Refused, Reply, SetPaused, SetPin
from edgefuse.supervisor.remote import Remote


def ask(action: Action, reply: Reply = Done()) -> list[AnyRequest]:  # noqa: B008 -- frozen
    """Give what a supervisor is asked for an action, which it answers with ``reply``."""
    asked: list[AnyRequest] = []

    async def perform(request: AnyRequest) -> Reply:
        asked.append(request)
        return reply

    asyncio.run(Remote(None, perform, None).perform(action))  # type: ignore[arg-type]  # neither is needed for these
    return asked


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        (PinPoint(point=2), SetPin(setting="point", value="2")),
        (PinPoint(point=None), SetPin(setting="point", value="")),
        (SetEffect(effect="anonymise"), SetPin(setting="effect", value="anonymise")),
        (SetFace(face=None), SetPin(setting="face", value="")),
        (Pause(), SetPaused(is_paused=True)),
        (Resume(), SetPaused(is_paused=False)),
    ],
    ids=str,
)
def test_action_is_what_the_control_socket_would_be_asked(action: Action, request_: AnyRequest) -> None:
    assert ask(action) == [request_]


def test_refusal_is_passed_on_with_its_reason() -> None:
    with pytest.raises(EdgefuseError, match="has points 0 to 4"):
        ask(PinPoint(point=9), Refused("has points 0 to 4"))


def test_installed_synthetic_person_may_be_chosen_from_afar(root: Path) -> None:
    photo = paths.cache_dir() / "donors/person-7.png"
    photo.parent.mkdir(parents=True)
    photo.touch()
    assert ask(SetFace(face="person-7")) == [SetPin(setting="face", value=str(photo))]


@pytest.mark.parametrize("face", ["person-8", "grandmother", "person-7x"])
def test_nobody_else_may(root: Path, face: str) -> None:
    (paths.cache_dir() / "donors").mkdir(parents=True)
    (paths.cache_dir() / "donors/grandmother.png").touch()
    with pytest.raises(EdgefuseError, match="no synthetic person"):
        ask(SetFace(face=face))


def test_every_command_has_a_name_of_its_own() -> None:
    assert len(set(ACTIONS.values())) == len(ACTIONS)
