"""Pauses between tries: spread over devices, bounded, short again after a good connection."""

from edgefuse.link.backoff import BASE_S, CAP_S, STABLE_S, Backoff


def test_pauses_grow_up_to_a_bound() -> None:
    backoff = Backoff("dev1")
    pauses = [backoff.next_s() for _ in range(200)]
    assert pauses[0] <= BASE_S
    assert CAP_S / 2 < max(pauses) <= CAP_S


def test_devices_do_not_come_back_as_one() -> None:
    firsts = sorted(Backoff(f"dev{i}").next_s() for i in range(1000))
    tenths = [sum(i <= 10 * first / BASE_S < i + 1 for first in firsts) for i in range(10)]
    assert min(tenths) > 60  # 100 expected in each tenth of the time, 9.5 is one standard deviation


def test_device_has_its_own_series_again_after_a_restart() -> None:
    assert Backoff("dev1").next_s() == Backoff("dev1").next_s()


def test_only_a_good_connection_makes_pauses_short_again() -> None:
    backoff = Backoff("dev1")
    for _ in range(10):
        backoff.next_s()
    backoff.note_lasted(STABLE_S / 2)
    assert max(backoff.next_s() for _ in range(20)) > BASE_S
    backoff.note_lasted(STABLE_S)
    assert backoff.next_s() <= BASE_S


def test_who_gives_way_waits_long() -> None:
    pauses = []
    for i in range(100):
        backoff = Backoff(f"dev{i}")
        backoff.yield_way()
        pauses.append(backoff.next_s())
    assert sum(pauses) / len(pauses) > CAP_S / 3
