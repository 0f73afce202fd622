"""Simulated devices at a real broker: whoever listens cannot tell them from real ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from fakes.certified import CertifiedClient
from fleet.conftest import Fleet

from edgefuse.__main__ import main
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.session import BrokerError
from edgefuse.fleet.signing import make_action, seal_action
from edgefuse.fleet.simulation.fault import deal
from edgefuse.fleet.simulation.kind import Kind, load_kinds
from edgefuse.fleet.simulation.memory import MAX_RECORDS, MemoryBacklog
from edgefuse.fleet.simulation.unit import Unit
from edgefuse.fleet.simulation.updating import NEVER_NS, Updating
from edgefuse.fleet.simulator import Simulation, Wishes, raise_file_limit, simulating
from edgefuse.fleet.site import Member, changing, load_register, save_register
from edgefuse.link.commands import GetStatus, Pause, PinPoint, RestartWorker, SetEffect, Tune
from edgefuse.link.messages import (
    Deployment,
    Desired,
    Event,
    Inventory,
    PipelineReport,
    Reply,
    State,
    SystemReport,
    decode,
)
from edgefuse.link.topics import (
    COMMAND,
    EVENT,
    INVENTORY,
    PIPELINE,
    REPLY,
    STATE,
    SYSTEM,
    Address,
    make_topic,
    parse_topic,
)
from edgefuse.ota.deployment import Step
from edgefuse.supervisor.control import Setting, Status

PATIENCE_S = 60.0
NS = 1_000_000_000
WISH = Desired(release="7", deployment="d1", seq=5)


def heard(operator: CertifiedClient) -> list[tuple[Address, bytes]]:
    """Give what devices said."""
    return [(parse_topic(topic), payload) for topic, payload in list(operator.messages)]


def play(simulation: Simulation, is_enough: Callable[[], object]) -> None:
    """Simulate until that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_enough():
        assert time.monotonic() < deadline, simulation.progress()
        simulation.run(0.05)


def ask(fleet: Fleet, operator: CertifiedClient, simulation: Simulation, command: str, value: str | None) -> Reply:
    """Send the first device a command, and give its reply."""
    sealed = seal_action(fleet.folder, "sim-00001", command, make_action(command, value), PATIENCE_S)
    operator.publish(make_topic("sim-00001", COMMAND), sealed.envelope)
    at = Address("sim-00001", REPLY, sealed.command.id)
    play(simulation, lambda: at in dict(heard(operator)))
    return decode(dict(heard(operator))[at], Reply)


def test_devices_say_what_real_ones_say_and_lose_no_event(fleet: Fleet) -> None:
    operator, names = fleet.operate(), {f"sim-{number:05}" for number in range(1, 9)}
    with simulating(fleet.folder, Wishes(devices=8)) as simulation:
        play(simulation, lambda: sum(at.topic is PIPELINE for at, _ in heard(operator)) >= 8)
        simulation.leave()
        told = simulation.progress().events_told
    operator.wait(lambda: sum(not payload for _, payload in heard(operator)) == 24)  # the last that devices say
    said = [(at, payload) for at, payload in heard(operator) if payload]
    for topic, kind in ((STATE, State), (INVENTORY, Inventory), (SYSTEM, SystemReport), (PIPELINE, PipelineReport)):
        assert {at.device for at, payload in said if at.topic is topic and decode(payload, kind)} == names
    events = [decode(payload, Event) for at, payload in said if at.topic is EVENT]
    assert len({(event.stream, event.n) for event in events}) == told >= 8
    assert {decode(payload, State).presence for at, payload in said[-8:] if at.topic is STATE} == {"offline"}


def test_nothing_is_left_of_devices_that_took_leave(fleet: Fleet) -> None:
    with simulating(fleet.folder, Wishes(devices=3)) as simulation:
        play(simulation, lambda: simulation.progress().connected == 3)
        assert load_register(fleet.folder).members["sim-00002"].labels["simulated"] == "true"
        simulation.leave()
    assert not load_register(fleet.folder).members
    late = fleet.operate()
    late.publish("ef/v1/fleet/x", b"")  # what is retained comes before the answer
    assert not late.messages


def test_signed_commands_are_done_and_replied_to(fleet: Fleet) -> None:
    operator = fleet.operate()
    with simulating(fleet.folder, Wishes(devices=1)) as simulation:
        play(simulation, lambda: simulation.progress().connected)
        assert ask(fleet, operator, simulation, "set-effect", "none").outcome == "done"
        status = decode(ask(fleet, operator, simulation, "status", None).result, Status)
        assert status.settings["effect"] == Setting("none", "pin")
        refused = ask(fleet, operator, simulation, "reboot", None)
        assert (refused.outcome, "does not allow reboot" in refused.reason) == ("refused", True)


def test_wrong_clock_takes_no_commands_and_shows(fleet: Fleet) -> None:
    operator = fleet.operate()
    with simulating(fleet.folder, Wishes(devices=1, faults={"wrong-clock": 1})) as simulation:
        play(simulation, lambda: any(at.topic is SYSTEM for at, _ in heard(operator)))
        reply = ask(fleet, operator, simulation, "set-effect", "none")
    assert (reply.outcome, "it says 1970" in reply.reason) == ("refused", True)
    reports = [decode(payload, SystemReport) for at, payload in heard(operator) if at.topic is SYSTEM]
    assert reports[0].t.startswith("1970-01-01T")


def test_silent_device_is_connected_and_reports_nothing(fleet: Fleet) -> None:
    operator = fleet.operate()
    with simulating(fleet.folder, Wishes(devices=2, faults={"silent": 1})) as simulation:
        play(simulation, lambda: any(at == Address("sim-00002", PIPELINE) for at, _ in heard(operator)))
        assert simulation.progress().connected == 2
    topics = {at.topic for at, _ in heard(operator) if at.device == "sim-00001"}
    assert STATE in topics
    assert not topics & {SYSTEM, PIPELINE}


def test_flapping_device_loses_its_connection_and_comes_back(fleet: Fleet) -> None:
    wishes = Wishes(devices=1, faults={"flapping": 1}, seed="7108")  # with it the first loss comes soon, and is short
    with simulating(fleet.folder, wishes) as simulation:
        seen = [False]

        def has_come_back() -> bool:
            seen.append(bool(simulation.progress().connected))
            return sum(now and not before for before, now in pairwise(seen)) == 2

        play(simulation, has_come_back)


def test_second_simulation_is_refused_and_a_killed_one_removed(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    with changing(fleet.folder) as register:
        left = Member(serial="1", key_id=register.key_id, labels={"simulated": "true"})
        save_register(fleet.folder, msgspec.structs.replace(register, members={"sim-00001": left}))
    options = ["fleet", "simulate", "--devices", "1", "--seconds", "0", "--site", str(fleet.folder)]
    assert main(options) == 2
    assert "--remove takes them out" in capsys.readouterr().err
    assert main([*options, "--remove"]) == 0
    assert main([*options, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["events_told"] == 1


def test_without_a_broker_nobody_joins(site: Path) -> None:
    with pytest.raises(BrokerError, match="is it running"), simulating(site, Wishes(devices=1)):
        pass
    assert not load_register(site).members


def test_limit_of_the_system_is_told_with_what_helps() -> None:
    with pytest.raises(EdgefuseError, match="ulimit -Hn 1000000256"):
        raise_file_limit(10**9)


def test_more_faults_than_devices_are_refused() -> None:
    assert deal(3, {"hot": 1, "flapping": 1}) == ("flapping", "hot", None)
    with pytest.raises(ConfigError, match="each has one at most"):
        deal(1, {"hot": 1, "flapping": 1})


class TestUpdating:
    def tell(self, updating: Updating, count: int = 99) -> list[Deployment]:
        """Give so many reports, or as many as there are, at the times when they are due."""
        told: list[Deployment] = []
        while updating.due_ns != NEVER_NS and len(told) < count:
            assert updating.live(updating.due_ns - 1, "too early") is None
            told += filter(None, [updating.live(updating.due_ns, f"at {updating.due_ns}")])
        return told

    def test_goes_through_all_steps_and_runs_the_release(self) -> None:
        updating = Updating("seed", is_hot=False)
        assert not self.tell(updating)
        updating.wish(WISH, 0)
        told = self.tell(updating)
        assert list(dict.fromkeys(report.state for report in told)) == [*get_args(Step), "COMMITTED"]
        assert [report.seq for report in told] == list(range(1, len(told) + 1))
        assert {(report.id, report.release) for report in told} == {("d1", "7")}
        shares = [report.done_bytes / report.total_bytes for report in told if report.state == "FETCH"]
        assert (shares == sorted(shares), shares[0], shares[-1]) == (True, 0.0, 1.0)
        assert (updating.release, told[-1].ended_at, "simulated" in told[-1].reason) == ("7", told[-1].t, True)

    def test_hot_one_rolls_back_with_what_was_measured(self) -> None:
        updating = Updating("seed", is_hot=True)
        updating.wish(WISH, 0)
        end = self.tell(updating)[-1]
        assert (end.state, end.gates["slowdown"] > 1.1, updating.release) == ("ROLLED_BACK", True, "0")

    def test_older_wish_changes_nothing(self) -> None:
        updating = Updating("seed", is_hot=False)
        updating.wish(WISH, 0)
        self.tell(updating)
        for seq in (WISH.seq, WISH.seq - 1):
            updating.wish(msgspec.structs.replace(WISH, release="6", seq=seq), 0)
        assert not self.tell(updating)

    def test_newer_wish_ends_what_is_under_way(self) -> None:
        updating = Updating("seed", is_hot=False)
        updating.wish(WISH, 0)
        self.tell(updating, 5)
        updating.wish(Desired(release="8", deployment="d2", seq=WISH.seq + 1), NS)
        told = self.tell(updating)
        assert [(report.id, report.state) for report in told][:2] == [("d1", "CANCELLED"), ("d2", "REFRESH")]
        assert updating.release == "8"

    def test_is_cancelled_while_it_is_under_way(self) -> None:
        updating = Updating("seed", is_hot=False)
        assert updating.cancel("why", "t") is None
        updating.wish(WISH, 0)
        self.tell(updating, 5)
        ended = updating.cancel("why", "t")
        assert ended is not None
        assert (ended.state, ended.reason, ended.t) == ("CANCELLED", "why", "t")
        assert updating.cancel("why", "t") is None
        assert not self.tell(updating)


class TestBacklog:
    def test_gives_records_in_order_and_again_until_they_are_delivered(self) -> None:
        backlog = MemoryBacklog()
        for name in ("up/ev", "up/tm/sys", "up/ev"):
            backlog.add(name, name.encode())
        assert [record.n for record in iter(backlog.read_next, None)] == [1, 2, 3]
        backlog.set_delivered(1)
        backlog.rewind()
        assert [record.n for record in iter(backlog.read_next, None)] == [2, 3]
        assert (backlog.added_events, backlog.waiting_events) == (2, 1)

    def test_is_bounded_and_gives_up_telemetry_first(self) -> None:
        backlog = MemoryBacklog()
        backlog.add("up/ev", b"first")
        for _ in range(MAX_RECORDS):
            backlog.add("up/tm/sys", b"")
        backlog.read_next()
        backlog.add("up/tm/sys", b"")
        assert backlog.lost_events == 0
        assert [record.n for record in iter(backlog.read_next, None)] == list(range(4, MAX_RECORDS + 3))
        for _ in range(MAX_RECORDS):
            backlog.add("up/ev", b"")
        assert (backlog.lost_events, backlog.waiting_events) == (1, MAX_RECORDS)


@pytest.fixture(scope="module")
def kind() -> Kind:
    """A kind of board."""
    return load_kinds()[0]


class TestUnit:
    def unit(self, kind: Kind, events: list[str], *, is_hot: bool = False) -> Unit:
        return Unit(kind, "seed", 0, lambda _level, what, _text: events.append(what), is_hot=is_hot)

    def reports(self, unit: Unit, count: int = 360) -> list[tuple[SystemReport, PipelineReport | None]]:
        """Give an hour of reports."""
        return [unit.make_reports(n, "now", n * 10 * NS) for n in range(1, count + 1)]

    def test_is_the_same_for_the_same_seed(self, kind: Kind) -> None:
        assert self.reports(self.unit(kind, [])) == self.reports(self.unit(kind, []))

    def test_hot_one_is_warmer_and_goes_down_its_ladder(self, kind: Kind) -> None:
        usual, _ = self.reports(self.unit(kind, []))[-1]
        hot, pipeline = self.reports(self.unit(kind, events := [], is_hot=True))[-1]
        assert hot.temp_c["cpu-thermal"] > usual.temp_c["cpu-thermal"]
        assert pipeline is not None
        assert pipeline.point > 0
        assert "point_changed" in events

    def test_crashes_and_recovers(self, kind: Kind) -> None:
        unit = self.unit(kind, events := [])
        unit.live(unit.due_ns)
        assert unit.service == "BACKOFF"
        assert unit.make_reports(1, "now", unit.due_ns)[1] is None
        unit.live(unit.due_ns)
        assert unit.service == "RUNNING"
        assert events == ["started", "worker_crashed", "worker_running"]

    def test_does_what_operators_ask(self, kind: Kind) -> None:
        unit = self.unit(kind, events := [])
        for action in (PinPoint(point=3), SetEffect(effect="none"), RestartWorker()):
            assert unit.perform(action, 0).is_done
        pipeline = self.reports(unit, 12)[-1][1]
        assert pipeline is not None
        assert (pipeline.point, pipeline.effect) == (3, "none")
        assert "worker_running" in events

    def test_tells_its_status_in_the_form_of_a_real_one(self, kind: Kind) -> None:
        unit = self.unit(kind, [])
        status = self.status(unit, 60 * NS)
        assert status.settings == {"effect": Setting("anonymise", "default"), "point": Setting("0", "governor")}
        assert (status.uptime_s, status.ladder, status.heat.trips_c) == (60.0, kind.profile.ladder, {"cpu-thermal": 75})
        assert status.heartbeat is not None
        assert status.heartbeat.fps > 0
        unit.perform(PinPoint(point=3), 61 * NS)
        unit.perform(Pause(), 61 * NS)
        paused = self.status(unit, 90 * NS)
        assert paused.settings["point"] == Setting("3", "pin")
        assert (paused.heartbeat and (paused.heartbeat.source, paused.heartbeat.point)) == ("paused", 3)
        unit.live(unit.due_ns)
        crashed = self.status(unit, unit.due_ns - NS)
        assert (crashed.service.state, crashed.service.retry_in_s, crashed.heartbeat) == ("BACKOFF", 1.0, None)

    def status(self, unit: Unit, now_ns: int) -> Status:
        """Give the answer to a question at that time."""
        return decode(unit.perform(GetStatus(), now_ns).result, Status)

    @pytest.mark.parametrize("action", [PinPoint(point=9), SetEffect(effect="party"), Tune()])
    def test_refuses_what_it_cannot(self, kind: Kind, action: PinPoint | SetEffect | Tune) -> None:
        with pytest.raises(EdgefuseError, match="cannot"):
            self.unit(kind, []).perform(action, 0)
