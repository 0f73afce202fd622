"""Which release is desired, from the command to the device and back, over each broker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec
import pytest
from fakes.broker import Broker
from fakes.daemon import Daemon
from fleet.conftest import Fleet, linked

from edgefuse.__main__ import main
from edgefuse.fleet.signing import seal_action
from edgefuse.fleet.simulator import Wishes, simulating
from edgefuse.link.client import Link
from edgefuse.link.commands import CancelUpdate
from edgefuse.link.messages import Deployment, Desired
from edgefuse.link.topics import COMMAND, DESIRED, make_topic

EACH_BROKER = pytest.mark.parametrize("fleet", ["mosquitto", "embedded"], indirect=True)
T = "2026-11-20T12:00:00Z"
PATIENCE_S = 60.0
STALL_S = 4.5
"""A broker that waits for what it holds up itself does so for 5 s."""


class Updater(Daemon):
    """Reports each new wish as under way, and then as ended, unless it shall go on."""

    def __init__(self, end: str) -> None:
        super().__init__()
        self.link: Link | None = None
        self.end = end
        self._seq = 0

    def wish(self, desired: Desired) -> None:
        """Remember a wish, and report on it."""
        is_new = desired not in self.wishes
        super().wish(desired)
        if is_new:
            self.report("FETCH", done_bytes=3, total_bytes=4)
        if is_new and self.end:
            self.report(self.end, reason=f"it came to {self.end}", ended_at=T)

    def report(self, state: str, **said: object) -> None:
        """Say how the deployment of the newest wish stands."""
        assert self.link is not None
        self._seq += 1
        desired = self.wishes[-1]
        told = Deployment(t=T, id=desired.deployment, release=desired.release, state=state, seq=self._seq)
        self.link.set_deployment(msgspec.structs.replace(told, **said))


@contextmanager
def updating(fleet: Fleet, device: str, end: str = "") -> Iterator[Updater]:
    """Run a device whose deployments end so, or go on."""
    daemon = Updater(end)
    with linked(fleet, device, daemon) as daemon.link:
        yield daemon
    daemon.close()


def ask(fleet: Fleet, *arguments: str) -> int:
    """Run an action of ``edgefuse fleet``."""
    return main(["fleet", *arguments, "--site", str(fleet.folder)])


@contextmanager
def asking(fleet: Fleet, *arguments: str) -> Iterator[Callable[[], int]]:
    """Run an action beside; calling it waits for its exit code."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(ask, fleet, *arguments)
        yield lambda: future.result(PATIENCE_S)


@EACH_BROKER
def test_release_is_followed_until_it_is_committed(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    with updating(fleet, "a", "COMMITTED") as daemon:
        assert ask(fleet, "update", "a", "7", "--deployment", "d1", "--wait") == 0
        assert {(wish.release, wish.deployment) for wish in daemon.wishes} == {("7", "d1")}
    assert capsys.readouterr().out.splitlines() == [
        "desired on a: release 7, deployment d1",
        "a: COMMITTED: it came to COMMITTED",
    ]


@EACH_BROKER
def test_device_that_is_away_hears_the_newest_when_it_is_back(fleet: Fleet, daemon: Daemon) -> None:
    fleet.join("a")
    assert [ask(fleet, "update", "a", release) for release in "678"] == [0, 0, 0]

    def come_back() -> float:
        """Connect, and give how many seconds the wish takes."""
        began_s = time.monotonic()
        daemon.wishes.clear()
        with linked(fleet, "a", daemon):
            daemon.wait(lambda: daemon.wishes)
        return time.monotonic() - began_s

    assert any(come_back() < STALL_S for _ in range(3))
    assert {wish.release for wish in daemon.wishes} == {"8"}


@EACH_BROKER
def test_what_is_desired_is_taken_back(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    watcher = fleet.connect(fleet.join("a"))
    assert ask(fleet, "update", "a", "7") == 0
    assert ask(fleet, "update", "a", "--clear") == 0
    assert "desired on a: nothing any more" in capsys.readouterr().out
    watcher.subscribe(make_topic("a", DESIRED))
    assert ask(fleet, "update", "a", "8") == 0
    watcher.wait(lambda: watcher.messages)
    assert [json.loads(payload)["release"] for _, payload in watcher.messages] == ["8"]


def test_any_end_but_a_good_one_is_the_exit_code(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    with updating(fleet, "a", "COMMITTED"), updating(fleet, "b", "ROLLED_BACK"):
        assert ask(fleet, "update", "a", "b", "7", "--wait") == 1
    told, *ended = capsys.readouterr().out.splitlines()
    assert told.startswith("desired on 2 devices: release 7, deployment d")
    assert sorted(ended) == ["a: COMMITTED: it came to COMMITTED", "b: ROLLED_BACK: it came to ROLLED_BACK"]


def test_labels_choose_the_devices(fleet: Fleet) -> None:
    for device, site in (("a", "north"), ("b", "south")):
        fleet.join(device)
        assert ask(fleet, "label", device, f"site={site}") == 0
    with updating(fleet, "a") as chosen, updating(fleet, "b") as other:
        assert ask(fleet, "update", "-l", "site=north", "7") == 0
        chosen.wait(lambda: chosen.wishes)
        assert ask(fleet, "update", "b", "8") == 0
        other.wait(lambda: other.wishes)
    assert {wish.release for wish in other.wishes} == {"8"}


def test_site_that_lost_its_numbers_is_still_heard(fleet: Fleet) -> None:
    with updating(fleet, "a") as daemon:
        assert ask(fleet, "update", "a", "7") == 0
        (fleet.folder / "sequence.json").unlink()
        assert ask(fleet, "update", "a", "8") == 0
        daemon.wait(lambda: len(set(daemon.wishes)) == 2)
    older, newer = sorted(set(daemon.wishes), key=lambda wish: wish.seq)
    assert (older.release, newer.release) == ("7", "8")


def test_what_was_reported_before_under_the_same_name_does_not_count(fleet: Fleet) -> None:
    with updating(fleet, "a", "COMMITTED") as daemon:
        assert ask(fleet, "update", "a", "7", "--deployment", "d1", "--wait") == 0
        daemon.end = ""
        with asking(fleet, "update", "a", "7", "--deployment", "d1", "--wait") as code:
            daemon.wait(lambda: len(set(daemon.wishes)) == 2)
            daemon.report("FAILED")
            assert code() == 1


def test_broker_that_is_killed_delays_only(fleet: Fleet, capfd: pytest.CaptureFixture[str]) -> None:
    assert isinstance(fleet.broker, Broker)
    arguments, out = ("update", "a", "b", "7", "--wait"), ""
    with updating(fleet, "a") as daemon, updating(fleet, "b", "COMMITTED"), asking(fleet, *arguments) as code:
        end_s = time.monotonic() + PATIENCE_S
        while "b: COMMITTED" not in out:
            assert time.monotonic() < end_s
            time.sleep(0.05)
            out += capfd.readouterr().out
        fleet.broker.kill()
        daemon.report("COMMITTED")
        fleet.broker.start()
        assert code() == 0
    assert "a: COMMITTED" in capfd.readouterr().out


def test_progress_is_shown_in_list_and_show(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    with updating(fleet, "a") as daemon:
        assert ask(fleet, "update", "a", "7", "--deployment", "d1") == 0
        daemon.wait(lambda: daemon.wishes)
        capsys.readouterr()
        assert ask(fleet, "list", "--wait-s", "0") == 0
        names, line = capsys.readouterr().out.splitlines()
        assert ("UPDATE" in names, "7 FETCH 75%" in line) == (True, True)
        assert ask(fleet, "show", "a", "-o", "json", "--wait-s", "0") == 0
        told = json.loads(capsys.readouterr().out)["summary"]["deployment"]
        assert (told["id"], told["state"], told["done_bytes"], told["total_bytes"]) == ("d1", "FETCH", 3, 4)


def test_simulated_devices_can_be_updated_and_cancelled(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    def run_until(is_enough: Callable[[], object]) -> None:
        while not is_enough():
            simulation.run(0.05)

    operator = fleet.operate()
    with simulating(fleet.folder, Wishes(devices=2)) as simulation, ThreadPoolExecutor(1) as pool:
        run_until(lambda: simulation.progress().connected == 2)
        waiting = pool.submit(ask, fleet, "update", "-l", "simulated", "7", "--wait")
        run_until(lambda: sum(b'"FETCH"' in payload for _, payload in list(operator.messages)) > 2)
        for device in ("sim-00001", "sim-00002"):
            sealed = seal_action(fleet.folder, device, "cancel-update", CancelUpdate(reason="enough"), PATIENCE_S)
            operator.publish(make_topic(device, COMMAND), sealed.envelope)
        run_until(waiting.done)
        simulation.leave()
    assert waiting.result() == 1
    _, *ended = capsys.readouterr().out.splitlines()
    assert sorted(ended) == ["sim-00001: CANCELLED: enough", "sim-00002: CANCELLED: enough"]


def test_labels_that_no_device_has_are_told_by_list(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.join("a")
    assert ask(fleet, "list", "-l", "site=nowhere") == 2
    out, err = capsys.readouterr()
    assert (out, "cannot find a device with such labels" in err) == ("", True)
