"""The states of a supervised child."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from edgefuse.supervisor import service as machine
from edgefuse.supervisor.service import Action, Service


def running(now_s: float = 0.0) -> Service:
    """A service whose child delivers."""
    started, _ = machine.start(Service(), now_s)
    return machine.on_delivered(started, now_s)[0]


def crash(service: Service, now_s: float) -> tuple[Service, float]:
    """Let the child end by itself and come back; give the service and how long it waited."""
    waiting, _ = machine.on_ended(service, now_s, "SIGSEGV")
    assert waiting.state == "BACKOFF" and waiting.due_s is not None
    started, action = machine.on_tick(waiting, waiting.due_s)
    assert action is Action.SPAWN
    return started, waiting.due_s - now_s


def test_each_crash_waits_twice_as_long_up_to_half_a_minute() -> None:
    service, waits_s = running(), []
    for i in range(9):
        service, wait_s = crash(service, 10.0 * i)
        waits_s.append(wait_s)
    assert waits_s == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_five_seconds_of_frames_make_the_next_wait_short_again() -> None:
    service, _ = crash(running(), 1.0)
    service, _ = crash(machine.on_delivered(service, 2.0)[0], 3.0)
    for now_s in (10.0, 12.0, 15.0):
        service, _ = machine.on_delivered(service, now_s)
    assert crash(service, 15.5)[1] == 0.5


def test_frames_that_stop_before_five_seconds_do_not_make_the_wait_short() -> None:
    service, _ = crash(running(), 1.0)
    for now_s in (10.0, 14.9):
        service, _ = machine.on_delivered(service, now_s)
    assert crash(service, 15.0)[1] == 1.0


def test_a_restart_that_was_wished_for_waits_for_nothing() -> None:
    leaving, action = machine.restart(running(), 1.0, "the source changed")
    assert (leaving.state, action) == ("STOPPING", Action.ASK_TO_STOP)
    started, action = machine.on_ended(leaving, 1.2, "exit code 0")
    assert (started.state, action, started.wait_s) == ("STARTING", Action.SPAWN, 0.0)


def test_a_change_of_mind_does_not_bring_back_what_is_being_stopped() -> None:
    leaving, _ = machine.stop(running(), 1.0)
    leaving, _ = machine.restart(leaving, 1.1, "the source changed")
    assert machine.on_ended(leaving, 1.2, "exit code 0")[0].state == "STOPPED"


def test_a_child_that_will_not_stop_is_killed() -> None:
    leaving, _ = machine.stop(running(), 1.0)
    assert machine.on_tick(leaving, 1.0 + machine.STOP_S)[1] is Action.KILL


def test_a_hung_child_may_say_where_before_it_is_killed() -> None:
    leaving, first = machine.on_ill(running(), 1.0, "it hangs")
    _, second = machine.on_tick(leaving, 1.0 + machine.ABORT_S)
    assert (first, second) == (Action.ABORT, Action.KILL)


def test_a_killed_hung_child_comes_back_after_a_wait_and_the_reason_stays() -> None:
    leaving, _ = machine.on_ill(running(), 1.0, "it hangs")
    waiting, _ = machine.on_ended(leaving, 1.2, "SIGABRT")
    assert (waiting.state, waiting.reason) == ("BACKOFF", "it hangs")


def test_a_start_that_takes_too_long_is_a_hang() -> None:
    started, _ = machine.start(Service(), 0.0)
    planned, _ = machine.on_planned(started, 100.0)
    assert planned.due_s == 100.0 + machine.OPEN_S
    leaving, action = machine.on_tick(planned, 100.0 + machine.OPEN_S)
    assert (leaving.state, action) == ("STOPPING", Action.ABORT)


def test_what_only_a_person_can_mend_is_fatal_and_says_so() -> None:
    fatal, action = machine.on_ended(running(), 1.0, "no such file", retry_s=machine.FATAL_RETRY_S)
    assert (fatal.state, fatal.reason, action) == ("FATAL", "no such file", None)


def test_fatal_is_tried_again_by_itself() -> None:
    fatal, _ = machine.on_ended(running(), 1.0, "no such file", retry_s=machine.FATAL_RETRY_S)
    assert machine.on_tick(fatal, 1.0 + machine.FATAL_RETRY_S)[1] is Action.SPAWN


def test_a_mended_configuration_ends_fatal_at_once() -> None:
    fatal, _ = machine.on_ended(running(), 1.0, "no such file", retry_s=machine.FATAL_RETRY_S)
    assert machine.start(fatal, 2.0)[1] is Action.SPAWN


def test_four_ends_in_five_minutes_are_flapping() -> None:
    service = running()
    for now_s in (10.0, 50.0, 90.0):
        service, _ = crash(service, now_s)
    assert not service.is_flapping(100.0)
    service, _ = crash(service, 130.0)
    assert service.is_flapping(140.0) and not service.is_flapping(400.0)


def test_a_waiting_source_is_running_with_a_reason() -> None:
    started, _ = machine.start(Service(), 0.0)
    resting, _ = machine.on_resting(started, 1.0, "waits for the source")
    assert (resting.state, resting.reason) == ("RUNNING", "waits for the source")


@dataclass
class World:
    """A service with a process that does what the system would do: it exists once, and dies when killed."""

    now_s: float = 0.0
    service: Service = field(default_factory=Service)
    has_process: bool = False

    def take(self, step: machine.Step) -> None:
        """Go on, and do what is asked."""
        self.service, action = step
        if action is Action.SPAWN:
            assert not self.has_process, "two children at a time"
            self.has_process = True
        elif action is not None:
            assert self.has_process, "nobody there to be told"
        if action is Action.KILL:
            self.end("SIGKILL")
        assert self.service.has_child == self.has_process

    def end(self, reason: str, *, retry_s: float | None = None) -> None:
        """Let the process end."""
        if self.has_process:
            self.has_process = False
            self.take(machine.on_ended(self.service, self.now_s, reason, retry_s=retry_s))

    def do(self, event: str) -> None:
        """Let something happen."""
        service, now_s = self.service, self.now_s
        if event == "ended":
            self.end("SIGSEGV")
        elif event == "refused":
            self.end("no such key", retry_s=machine.FATAL_RETRY_S)
        elif event in ("delivered", "resting", "planned", "ill"):
            if self.has_process:
                self.take(TOLD[event](service, now_s))
        else:
            self.take(TOLD[event](service, now_s))


TOLD = {
    "delivered": machine.on_delivered,
    "planned": machine.on_planned,
    "resting": lambda s, now_s: machine.on_resting(s, now_s, "paused"),
    "ill": lambda s, now_s: machine.on_ill(s, now_s, "it hangs"),
    "start": machine.start,
    "stop": machine.stop,
    "restart": lambda s, now_s: machine.restart(s, now_s, "the source changed"),
    "tick": machine.on_tick,
}
EVENTS = st.lists(st.tuples(st.sampled_from([*TOLD, "ended", "refused"]), st.floats(0, 200)), max_size=60)


@given(EVENTS)
def test_whatever_happens_a_service_that_is_wanted_gets_back_to_running(events: list[tuple[str, float]]) -> None:
    world = World()
    for event, seconds in events:
        world.now_s += seconds
        world.do(event)
    world.take(machine.start(world.service, world.now_s))
    for _ in range(10):  # from now on nothing but time passes, and the child is well
        if world.service.state == "STARTING":
            world.do("delivered")
        world.now_s += machine.STOP_S
        world.do("tick")
    assert world.service.state == "RUNNING"


@given(EVENTS)
def test_no_state_but_stopped_and_running_lasts_by_itself(events: list[tuple[str, float]]) -> None:
    world = World()
    for event, seconds in events:
        world.now_s += seconds
        world.do(event)
        state = world.service.state
        assert (world.service.due_s is None) == (state in ("STOPPED", "RUNNING"))
        assert world.service.reason or state in ("STOPPED", "STARTING", "RUNNING", "STOPPING")


@given(EVENTS)
def test_a_child_that_always_crashes_is_never_started_without_a_wait(events: list[tuple[str, float]]) -> None:
    world = World()
    for event, seconds in events:
        world.now_s += seconds
        world.do(event)
    world.take(machine.start(world.service, world.now_s))
    world.end("SIGSEGV")
    assert world.service.state != "STARTING" or world.service.wish is machine.Wish.RESTART


def test_a_source_that_is_not_there_yet_is_waited_for_while_starting() -> None:
    """As docs/supervisor.md says; one that went away later is waited for while running."""
    started, _ = machine.start(Service(), 0.0)
    now_s = 0.0
    for _ in range(100):
        now_s += machine.OPEN_S / 2
        started, _ = machine.on_resting(started, now_s, "waits for the source", is_open=False)
        started, action = machine.on_tick(started, now_s)
        assert (started.state, started.reason, action) == ("STARTING", "waits for the source", None)
