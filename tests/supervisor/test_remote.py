"""What the fleet asks for, as the control socket is asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter

from edgefuse import paths
from edgefuse.errors import EdgefuseError
from edgefuse.link.commands import (
    ACTIONS,
    Action,
    CancelUpdate,
    CollectLogs,
    Pause,
    PinPoint,
    Resume,
    SetEffect,
    SetFace,
    Tune,
)
from edgefuse.supervisor import control
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.control import AnyRequest, Done, Refused, Reply, SetPaused, SetPin
from edgefuse.supervisor.remote import Remote


def ask(action: Action, reply: Reply = Done()) -> list[AnyRequest]:  # noqa: B008 -- frozen
    """Give what a supervisor is asked for an action, which it answers with ``reply``."""
    asked: list[AnyRequest] = []

    async def perform(request: AnyRequest) -> Reply:
        asked.append(request)
        return reply

    remote = Remote(None, perform, None, Children(), None)  # type: ignore[arg-type]  # neither is needed for these
    asyncio.run(remote.perform(action))
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
        (CancelUpdate(reason="too soon"), control.CancelUpdate(reason="too soon")),
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


def run_beside(remote: Callable[[Children], Awaitable[object]]) -> None:
    """Run what starts other programs, as the supervisor does."""

    async def talk() -> None:
        children = Children()
        children.watch(asyncio.get_running_loop())
        await remote(children)

    asyncio.run(talk())


def test_a_long_measurement_does_not_hold_up_the_end(root: Path) -> None:
    async def leave(children: Children) -> None:
        measuring = asyncio.create_task(Remote(None, None, None, children, None).perform(Tune()))  # type: ignore[arg-type]
        await asyncio.sleep(0.3)
        measuring.cancel()
        await asyncio.wait([measuring])
        with pytest.raises(ChildProcessError):  # nothing of it is left
            os.waitpid(-1, os.WNOHANG)

    run_beside(leave)


def test_a_program_that_fails_is_told_by_its_last_words(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir()
    write_interpreter(root / "journalctl", "echo no journal here >&2; exit 1")
    monkeypatch.setenv("PATH", str(root))

    async def collect(children: Children) -> None:
        await Remote(None, None, None, children, None).perform(CollectLogs())  # type: ignore[arg-type]

    with pytest.raises(EdgefuseError, match=r"^cannot run .*: no journal here$"):
        run_beside(collect)
