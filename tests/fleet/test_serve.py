"""``edgefuse fleet serve`` as its operator starts it: a process beside a broker with certificates."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.certified import CertifiedClient
from fakes.command import finish, refuse, start
from fakes.sayings import EVENT, ONLINE, SYSTEM
from fleet.conftest import Fleet

from edgefuse.fleet.database import open_database
from edgefuse.fleet.store import Store
from edgefuse.link.messages import Message, encode
from edgefuse.link.topics import EVENT as EVENT_TOPIC
from edgefuse.link.topics import STATE, make_topic
from edgefuse.link.topics import SYSTEM as SYSTEM_TOPIC

PATIENCE_S = 60.0


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until something is so in the store, of which it gives no sign."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def store_of(fleet: Fleet) -> Iterator[Store]:
    """Look into the site's database."""
    with closing(open_database(f"sqlite:///{fleet.folder}/fleet.sqlite")) as database:
        yield Store(database)


def serve(fleet: Fleet) -> subprocess.Popen[str]:
    """Start it."""
    return start("fleet", "serve", "--site", str(fleet.folder), folder=fleet.folder.parent)


def say(device: CertifiedClient, name: str, message: Message) -> None:
    """Let a device say something."""
    topics = {type(ONLINE): STATE, type(EVENT): EVENT_TOPIC, type(SYSTEM): SYSTEM_TOPIC}
    device.publish(make_topic(name, topics[type(message)]), encode(message))


def stop(process: subprocess.Popen[str]) -> str:
    """Stop it in order, and give what it said."""
    process.send_signal(signal.SIGTERM)
    _, err = finish(process)
    assert process.returncode == 0, err
    return err


@pytest.mark.parametrize("fleet", ["mosquitto", "embedded"], indirect=True)
def test_what_a_device_says_is_in_the_sites_database_and_stop_is_no_failure(fleet: Fleet) -> None:
    device = fleet.connect(fleet.join("a"))
    with serve(fleet) as process, store_of(fleet) as store:

        def is_heard() -> bool:
            for message in (ONLINE, SYSTEM, EVENT):
                say(device, "a", message)
            record = store.device("a")
            return bool(record and record.state == ONLINE and record.system == SYSTEM and store.events("a"))

        wait_for(is_heard)
        said = stop(process)
    assert f"{fleet.folder}/fleet.sqlite" in said
    assert "ef/v1/d/+/up/ev" in said


def test_no_event_is_lost_when_it_is_killed_again_and_again(fleet: Fleet) -> None:
    device, sent = fleet.connect(fleet.join("a")), 0

    def numbers() -> list[int]:
        return [record.event.n for record in store.events("a", limit=10_000)]

    with store_of(fleet) as store:
        for _ in range(3):
            with serve(fleet) as process:
                wait_for(lambda: (say(device, "a", EVENT), numbers())[1])  # until there is a session that keeps them
                for _ in range(50):
                    sent += 1
                    say(device, "a", msgspec.structs.replace(EVENT, n=EVENT.n + sent))
                wait_for(lambda enough=sent - 45: len(numbers()) > enough)  # some are on their way
                process.kill()
        with serve(fleet) as process:
            say(device, "a", msgspec.structs.replace(EVENT, n=EVENT.n + sent + 1))
            wait_for(lambda: len(numbers()) >= sent + 2)
            stop(process)
        assert numbers() == list(range(EVENT.n, EVENT.n + sent + 2))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--site", "nowhere"], "cannot load site: there is none"),
        (["--name", "me and you"], "cannot serve as 'me and you'"),
        (["--database", "mysql://x/y"], "cannot open database 'mysql://x/y'"),
        (
            ["--database", "sqlite:////nowhere/x"],
            "cannot open database sqlite:////nowhere/x: No such file or directory",
        ),
    ],
)
def test_what_cannot_work_is_said_at_once(site: Path, options: list[str], said: str) -> None:
    assert said in refuse("fleet", "serve", "--site", str(site), *options, folder=site.parent)
