"""The spool: nothing is lost that matters, order is kept, size is bounded, power may go at any byte."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefuse.link.segment import Record
from edgefuse.link.spool import Spool

SMALL_BYTES = 2_000


@contextmanager
def opened(folder: Path, max_bytes: int = 1 << 20) -> Iterator[Spool]:
    """Open a spool of small files."""
    spool = Spool(folder, max_bytes, SMALL_BYTES)
    yield spool
    spool.close()


def drain(spool: Spool) -> list[Record]:
    """Read everything that waits."""
    spool.rewind()
    records = []
    while record := spool.read_next():
        records.append(record)
    return records


def event(number: int) -> bytes:
    return b"event %06d " % number + b"." * 80


def test_records_come_in_order_once_and_again_after_rewind(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for i in range(100):
            spool.add("up/ev", event(i))
        first = drain(spool)
        assert [record.payload for record in first] == [event(i) for i in range(100)]
        assert [record.n for record in first] == list(range(1, 101))
        assert spool.read_next() is None
        spool.add("up/ev", event(100))
        assert spool.read_next() == Record(101, "up/ev", event(100))
        assert len(drain(spool)) == 101


def test_delivered_records_do_not_come_again_and_free_their_files(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for i in range(100):
            spool.add("up/ev", event(i))
        spool.set_delivered(95)
        assert [record.n for record in drain(spool)] == [96, 97, 98, 99, 100]
        assert len(list(tmp_path.glob("*.segment"))) == 1
    with opened(tmp_path) as spool:
        assert [record.n for record in drain(spool)] == [96, 97, 98, 99, 100]
        assert spool.next_n == 101


def test_numbers_go_on_after_everything_was_delivered(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        stream = spool.stream
        for i in range(300):
            spool.add("up/ev", event(i))
        spool.set_delivered(300)
    with opened(tmp_path) as spool:
        assert (spool.stream, spool.next_n, drain(spool)) == (stream, 301, [])


def test_spool_that_was_lost_begins_another_stream(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        stream = spool.stream
        spool.add("up/ev", event(0))
    for path in tmp_path.glob("*.segment"):
        path.unlink()
    with opened(tmp_path) as spool:
        assert spool.stream != stream


def test_numbers_that_the_broker_has_seen_are_not_used_again(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for i in range(5):
            spool.add("up/tm/sys", event(i))
        spool.set_delivered(5)
    (tail,) = tmp_path.glob("*.segment")
    tail.write_bytes(b"")  # telemetry is not synced at once, so a power cut may take it
    with opened(tmp_path) as spool:
        spool.add("up/ev", event(9))
        assert [record.n for record in drain(spool)] == [6]


def test_telemetry_is_thinned_out_evenly_and_no_event_is_lost_for_it(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=20_000) as spool:
        for i in range(1000):
            spool.add(("up/tm/sys", "up/tm/pipe")[i % 2], event(i))
            if i % 100 == 0:
                spool.add("up/ev", event(i))
        records = drain(spool)
        events = [record for record in records if record.topic == "up/ev"]
        assert [record.payload for record in events] == [event(i) for i in range(0, 1000, 100)]
        assert spool.lost_events == 0
        assert [record.n for record in records] == sorted(record.n for record in records)
        for topic in ("up/tm/sys", "up/tm/pipe"):
            kept = [record.n for record in records if record.topic == topic]
            assert len(kept) > 30
            assert max(b - a for a, b in itertools.pairwise(kept)) < 400  # no hole: the oldest hours stay too
            assert kept[0] < 300
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 22_000


def test_oldest_events_go_and_are_counted_when_nothing_else_is_left(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=20_000) as spool:
        for i in range(1000):
            spool.add("up/ev", event(i))
        kept = drain(spool)
        assert kept[-1].payload == event(999)
        assert [record.n for record in kept] == list(range(kept[0].n, 1001))
        assert spool.lost_events == 1000 - len(kept)


def test_reading_goes_on_while_files_are_thinned_out_and_dropped(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=20_000) as spool:
        seen = []
        for i in range(800):
            spool.add("up/tm/sys" if i % 3 else "up/ev", event(i))
            if i % 5 == 0 and (record := spool.read_next()):
                seen.append(record.n)
        seen += [record.n for record in iter(spool.read_next, None)]
        assert seen == sorted(set(seen))
        assert seen[-1] == 800


def test_power_cut_at_any_byte_costs_only_what_was_not_written(tmp_path: Path) -> None:
    with opened(tmp_path / "whole") as spool:
        for i in range(3):
            spool.add("up/ev", event(i))
    (tail,) = (tmp_path / "whole").glob("*.segment")
    whole = tail.read_bytes()
    ends = [len(whole) * (i + 1) // 3 for i in range(3)]
    for size in range(len(whole) + 1):
        tail.write_bytes(whole[:size])
        with opened(tmp_path / "whole") as spool:
            survived = sum(end <= size for end in ends)
            assert [record.payload for record in drain(spool)] == [event(i) for i in range(survived)]
            spool.add("up/ev", event(9))
            assert drain(spool)[-1] == Record(survived + 1, "up/ev", event(9))


def test_garbage_after_a_power_cut_is_no_record(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.add("up/ev", event(0))
    (tail,) = tmp_path.glob("*.segment")
    for garbage in (bytes(4096), b"\xff" * 100, tail.read_bytes()[:-1] + b"!"):
        with tail.open("ab") as file:
            file.write(garbage)
        with opened(tmp_path) as spool:
            assert [record.payload for record in drain(spool)] == [event(0)]


def test_power_cut_while_a_file_is_thinned_out_leaves_one_of_both(tmp_path: Path) -> None:
    with opened(tmp_path / "a", max_bytes=4_000) as spool:
        for i in range(30):
            spool.add("up/tm/sys", event(i))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with opened(tmp_path / "b", max_bytes=3_000) as spool:
        spool.add("up/tm/sys", event(30))
    for path in (tmp_path / "b").glob("*.segment"):  # the thinner files are there, the older ones not removed yet
        shutil.copy(path, tmp_path / "a" / path.name)
    (tmp_path / "a" / ".00000000000000000001.7.segment.new").write_bytes(b"half")
    with opened(tmp_path / "a") as spool:
        numbers = [record.n for record in drain(spool)]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 31
    assert not list((tmp_path / "a").glob(".*"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["event", "telemetry", "read", "deliver", "rewind", "restart"]), max_size=60))
def test_no_event_is_ever_lost_whatever_happens(tmp_path: Path, steps: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    spool = Spool(folder, 1 << 20, 500)
    said: list[int] = []
    delivered: list[int] = []
    read = 0
    for step in [*steps, "rewind", "restart"]:
        if step in ("event", "telemetry"):
            said += [spool.next_n] if step == "event" else []
            spool.add("up/ev" if step == "event" else "up/tm/sys", event(spool.next_n))
        elif step == "read" and (record := spool.read_next()):
            read = record.n
            delivered += [record.n] if record.topic == "up/ev" else []
        elif step == "deliver":
            spool.set_delivered(read)
        elif step == "rewind":
            spool.rewind()
        elif step == "restart":
            spool.close()
            spool = Spool(folder, 1 << 20, 500)
    delivered += [record.n for record in iter(spool.read_next, None) if record.topic == "up/ev"]
    spool.close()
    assert sorted(set(delivered)) == said
