"""How often the device reports."""

from edgefuse.clock import NS_PER_S
from edgefuse.link.cadence import Cadence


def test_metered_device_reports_less_often() -> None:
    assert Cadence(is_metered=False).period_ns(0) == 10 * NS_PER_S
    assert Cadence(is_metered=True).period_ns(0) == 60 * NS_PER_S


def test_watch_ends_by_itself() -> None:
    watched = Cadence(is_metered=True).with_lease(120.0, now_ns=0)
    assert (watched.mode(0), watched.period_ns(119 * NS_PER_S)) == ("watch", 2 * NS_PER_S)
    assert watched.mode(120 * NS_PER_S) == "metered"


def test_shorter_lease_does_not_cut_a_longer_one() -> None:
    watched = Cadence(is_metered=False).with_lease(120.0, now_ns=0).with_lease(10.0, now_ns=0)
    assert watched.mode(100 * NS_PER_S) == "watch"
