"""How often an address may try to log in."""

from __future__ import annotations

from edgefuse.console.attempts import MAX_ADDRESSES, MAX_FAILURES, WINDOW_S, Attempts


def fail(counted: Attempts, address: str, times: int = MAX_FAILURES) -> None:
    for _ in range(times):
        counted.note_failure(address)


def test_the_sixth_try_in_a_minute_waits() -> None:
    counted = Attempts()
    fail(counted, "10.0.0.1", MAX_FAILURES - 1)
    assert counted.find_wait_s("10.0.0.1") == 0
    fail(counted, "10.0.0.1", 1)
    assert WINDOW_S - 5 < counted.find_wait_s("10.0.0.1") <= WINDOW_S
    assert counted.find_wait_s("10.0.0.2") == 0


def test_who_has_a_network_of_ipv6_has_no_more_tries_than_others() -> None:
    counted = Attempts()
    for n in range(MAX_FAILURES):
        counted.note_failure(f"2001:db8::{n}")
    assert counted.find_wait_s("2001:db8::ffff") > 0
    assert counted.find_wait_s("2001:db8:0:1::1") == 0


def test_addresses_without_end_take_no_memory_without_end() -> None:
    counted = Attempts()
    for n in range(MAX_ADDRESSES + 10):
        counted.note_failure(f"host {n}")
    assert len(counted._failures) == MAX_ADDRESSES
