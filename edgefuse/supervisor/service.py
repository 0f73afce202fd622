"""The state of a supervised child: a pure function of events, with the clock passed in.

    STOPPED ── start ──► STARTING ── frames, or all is open and rests ──► RUNNING

    STARTING, RUNNING ── ended ──► BACKOFF ── due ──► STARTING
    STARTING, RUNNING ── stop, restart, ill ──► STOPPING ── ended ──► STOPPED, STARTING, BACKOFF, as it was wished
    STARTING, RUNNING, ill and STOPPING ── ended, and a person must mend why ──► FATAL ── due, or mended ──► STARTING
    BACKOFF, FATAL ── stop ──► STOPPED

A child exists in STARTING, RUNNING and STOPPING, and only there. FATAL is left by a mended configuration, and after a
while by itself: people mend things without telling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgefuse.supervisor.control import ServiceState

FIRST_WAIT_S = 0.5  # as Pebble, and doubled as there
LONGEST_WAIT_S = 30.0
PROVEN_S = 5.0
"""A child that delivered frames for so long starts a new count of waits."""
FATAL_RETRY_S = 60.0
MEMORY_RETRY_S = 1800.0
"""After a start that needed more than the memory limit: the next one most likely does too."""
PLAN_S = 900.0
"""To plan, a unit may have to fetch models over a slow line and to check each of them."""
OPEN_S = 180.0
"""To open models and be ready: compiling for an accelerator takes minutes."""
STOP_S = 2.5
"""Time for a child to deliver what is under way; with the rest of the way down it stays under 5 s."""
ABORT_S = 0.5
"""Time for a hung child to write down where it hangs."""
FLAPPING_ENDS = 4
FLAPPING_WINDOW_S = 300.0
HANGS = "it hangs"
"""How reasons of a child begin that says nothing any more."""


class Action(Enum):
    """What has to be done about the child now."""

    SPAWN = auto()
    ASK_TO_STOP = auto()
    ABORT = auto()
    """Make it write down where it hangs, and die of it."""
    KILL = auto()


class Wish(Enum):
    """What shall come after STOPPING."""

    STOP = auto()
    RESTART = auto()
    RECOVER = auto()
    """Restart after a wait, as after a crash."""


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised child."""

    state: ServiceState = "STOPPED"
    since_s: float = 0.0
    reason: str = ""
    due_s: float | None = None
    """When time alone changes something: a wait ends, a start took too long, a child that should stop is killed."""
    wait_s: float = 0.0
    """The last wait of BACKOFF."""
    delivering_s: float | None = None
    """Since when frames are delivered."""
    restarts: int = 0
    wish: Wish = Wish.STOP
    ends_s: tuple[float, ...] = ()
    """The last unwanted ends."""

    @property
    def has_child(self) -> bool:
        """Tell whether there is a process."""
        return self.state in ("STARTING", "RUNNING", "STOPPING")

    def is_flapping(self, now_s: float) -> bool:
        """Tell whether it ends again and again."""
        return sum(now_s - end_s <= FLAPPING_WINDOW_S for end_s in self.ends_s) >= FLAPPING_ENDS


Step = tuple[Service, Action | None]


def start(service: Service, now_s: float) -> Step:
    """Start it, or start it again at once where it waits; a person asked, or the configuration was mended."""
    if service.state in ("STARTING", "RUNNING"):
        return service, None
    if service.state == "STOPPING":
        return replace(service, wish=Wish.RESTART), None
    return _spawn(replace(service, wait_s=0.0), now_s)


def stop(service: Service, now_s: float, reason: str = "") -> Step:
    """Stop it for good."""
    if service.state == "STOPPING":
        return replace(service, wish=Wish.STOP, reason=reason), None
    if service.has_child:
        return _leave(service, now_s, reason, Wish.STOP)
    return _enter(service, "STOPPED", now_s, reason), None


def restart(service: Service, now_s: float, reason: str) -> Step:
    """Start it anew because what it shall do has changed; that is no failure, so nothing waits."""
    if service.state in ("STARTING", "RUNNING"):
        return _leave(service, now_s, reason, Wish.RESTART)
    is_over = service.state == "STOPPED" or (service.state == "STOPPING" and service.wish is Wish.STOP)
    return (service, None) if is_over else start(service, now_s)


def outcome(service: Service) -> str | None:
    """Tell what came of a start: why it failed, an empty text where it did not, nothing while that is open."""
    if service.state in ("BACKOFF", "FATAL", "STOPPED"):
        return service.reason or "it was stopped"
    is_waiting = service.state == "STARTING" and service.reason != ""  # for its source, which may take for ever
    return "" if service.state == "RUNNING" or is_waiting else None


def on_planned(service: Service, now_s: float) -> Step:
    """Take note that the child knows what it will open; from now on it has less time."""
    return (replace(service, due_s=now_s + OPEN_S) if service.state == "STARTING" else service), None


def on_delivered(service: Service, now_s: float) -> Step:
    """Take note that frames were delivered since the last time; after a while of that the next wait is short again."""
    if service.state not in ("STARTING", "RUNNING"):
        return service, None
    since_s = now_s if service.delivering_s is None else service.delivering_s
    running = _settle(service, now_s)
    wait_s = 0.0 if now_s - since_s >= PROVEN_S else service.wait_s
    return replace(running, delivering_s=since_s, wait_s=wait_s), None


def on_resting(service: Service, now_s: float, reason: str, *, is_open: bool = True) -> Step:
    """Take note that it is well without delivering: it waits for its source, or is paused.

    Args:
        is_open: It has opened everything; before, it still has to, when its source is there.
    """
    if service.state not in ("STARTING", "RUNNING"):
        return service, None
    if not is_open:
        return replace(service, reason=reason, due_s=now_s + OPEN_S), None
    return replace(_settle(service, now_s), reason=reason, delivering_s=None), None


def on_ill(service: Service, now_s: float, reason: str) -> Step:
    """End a child that hangs or does not do its work."""
    if service.state not in ("STARTING", "RUNNING"):
        return service, None
    left = _enter(service, "STOPPING", now_s, reason, due_s=now_s + ABORT_S)
    return replace(left, wish=Wish.RECOVER), Action.ABORT


def on_ended(service: Service, now_s: float, reason: str, *, retry_s: float | None = None) -> Step:
    """Take note that the child is gone.

    Args:
        retry_s: It cannot do better before a person mends something; after so long that is tried all the same.
    """
    if not service.has_child:
        return service, None
    if service.state == "STOPPING" and service.wish is Wish.STOP:
        return _enter(service, "STOPPED", now_s, service.reason), None
    if service.state == "STOPPING" and service.wish is Wish.RESTART:
        return _spawn(replace(service, restarts=service.restarts + 1), now_s)
    counted = replace(
        service,
        restarts=service.restarts + 1,
        ends_s=(*service.ends_s, now_s)[-FLAPPING_ENDS:],
    )
    if retry_s is not None:
        return _enter(counted, "FATAL", now_s, reason, due_s=now_s + retry_s), None
    wait_s = min(max(FIRST_WAIT_S, 2 * service.wait_s), LONGEST_WAIT_S)
    was_ill = service.state == "STOPPING"
    waiting = _enter(counted, "BACKOFF", now_s, service.reason if was_ill else reason, due_s=now_s + wait_s)
    return replace(waiting, wait_s=wait_s), None


def on_tick(service: Service, now_s: float) -> Step:
    """Do what has become due."""
    if service.due_s is None or now_s < service.due_s:
        return service, None
    if service.state == "STOPPING":
        return replace(service, due_s=now_s + STOP_S), Action.KILL  # again until it is gone
    if service.state == "STARTING":
        return on_ill(service, now_s, f"{HANGS}: not ready after {now_s - service.since_s:.0f} s")
    return _spawn(service, now_s)


def _spawn(service: Service, now_s: float) -> Step:
    return _enter(service, "STARTING", now_s, "", due_s=now_s + PLAN_S), Action.SPAWN


def _leave(service: Service, now_s: float, reason: str, wish: Wish) -> Step:
    return replace(_enter(service, "STOPPING", now_s, reason, due_s=now_s + STOP_S), wish=wish), Action.ASK_TO_STOP


def _settle(service: Service, now_s: float) -> Service:
    """Be RUNNING, since now where it was not."""
    return replace(service, reason="") if service.state == "RUNNING" else _enter(service, "RUNNING", now_s, "")


def _enter(service: Service, state: ServiceState, now_s: float, reason: str, *, due_s: float | None = None) -> Service:
    return replace(service, state=state, since_s=now_s, reason=reason, due_s=due_s, delivering_s=None)
