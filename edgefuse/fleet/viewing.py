"""Reading a site's devices from its broker."""

from __future__ import annotations

from edgefuse import clock
from edgefuse.fleet.roster import TOPICS, Roster
from edgefuse.fleet.session import Session
from edgefuse.link.topics import PREFIX

RETAINED_S = 60.0
"""Ten thousand devices have 20 MB of state and inventory at the broker."""
MAX_AT_ONCE = 20_000
"""Messages taken in before the reader looks up again."""


def observe(session: Session, device: str = "+") -> None:
    """Ask for what all devices say of themselves, or one."""
    session.subscribe([f"{PREFIX}/{device}/{topic.name}" for topic in TOPICS], qos=0)


def gather(session: Session, roster: Roster, wait_s: float) -> None:
    """Take in what the broker holds, and then reports, until each device that is online has reported or time is up.

    Raises:
        BrokerError: The connection is lost.
    """
    for heard in session.receive_retained(RETAINED_S):
        roster.take(heard.address, heard.payload, clock.now_ns())
    end_ns = clock.now_ns() + round(wait_s * clock.NS_PER_S)
    while not roster.is_complete and (left_ns := end_ns - clock.now_ns()) > 0:
        heard_next = session.receive(left_ns / clock.NS_PER_S)
        if heard_next is not None:
            roster.take(heard_next.address, heard_next.payload, clock.now_ns())


def take_news(session: Session, roster: Roster) -> None:
    """Take in what came meanwhile, without waiting.

    Raises:
        BrokerError: The connection is lost.
    """
    for _ in range(MAX_AT_ONCE):
        heard = session.receive(0.0)
        if heard is None:
            return
        roster.take(heard.address, heard.payload, clock.now_ns())
