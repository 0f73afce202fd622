"""What the supervisor keeps, on disks that are well and on disks that are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from edgefuse.store.state import Measurement, Pin, Pins, Setup, load_state, update_state
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.notebook import KEEP_S, Notebook

AT = "2026-01-01T00:00:00Z"
SETUP = Setup("ab" * 32, 128, "tflite", "1", "cpu", 2)
PINS = Pins(point=Pin(2, AT))
LEARNED = msgspec.Raw(b'{"rise_k":12}')
MEASUREMENT = Measurement(setup=SETUP, p50_ms=1.0, p95_ms=2.0, memory_mb=3, measured_at=AT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/state.json"


def write(path: Path, work: Callable[[Notebook], Awaitable[object]]) -> Journal:
    """Do something with a notebook; give what it said."""
    journal = Journal()

    async def session() -> None:
        await work(Notebook(path, journal))

    asyncio.run(session())
    return journal


def test_everything_is_there_the_next_time(path: Path) -> None:
    async def work(notebook: Notebook) -> None:
        notebook.add_point(3, "hot")
        await notebook.keep_pins(lambda _: PINS)
        await notebook.keep_crash([SETUP], "SIGSEGV")
        await notebook.keep(LEARNED)

    assert write(path, work).newest() == ()
    state = load_state(path)
    assert (state.pins, [c.how for c in state.crashes], [p.point for p in state.history]) == (PINS, ["SIGSEGV"], [3])
    assert msgspec.json.decode(state.learned) == {"rise_k": 12}


def test_what_others_write_meanwhile_is_left_as_it_is(path: Path) -> None:
    async def work(notebook: Notebook) -> None:
        update_state(path, lambda state: state.with_measurement(MEASUREMENT))
        await notebook.keep_pins(lambda _: PINS)

    write(path, work)
    assert (load_state(path).pins, load_state(path).measurements) == (PINS, (MEASUREMENT,))


def test_what_could_not_be_written_is_written_when_that_works_again(path: Path) -> None:
    async def work(notebook: Notebook) -> None:
        path.parent.parent.joinpath("state").write_text("no folder")
        assert await notebook.keep_pins(lambda _: PINS) != ""
        await notebook.keep_crash([SETUP], "hang")
        path.parent.unlink()
        assert await notebook.keep_pins(lambda _: PINS) == ""

    journal = write(path, work)
    assert (load_state(path).pins, len(load_state(path).crashes)) == (PINS, 1)
    assert [event.kind for event in journal.newest()] == ["state_not_kept"]


def test_pins_on_a_disk_that_could_not_be_read_are_not_wiped(path: Path) -> None:
    update_state(path, lambda state: state.with_pins(PINS))
    content = path.read_bytes()

    async def work(notebook: Notebook) -> None:
        path.rmdir()
        path.write_bytes(content)
        await notebook.keep_crash([SETUP], "hang")

    path.unlink()
    path.mkdir()  # cannot be read as a file
    write(path, work)
    assert (load_state(path).pins, len(load_state(path).crashes)) == (PINS, 1)


def test_what_is_learned_is_written_every_ten_minutes_at_most(path: Path) -> None:
    async def work(notebook: Notebook) -> None:
        start_s = notebook._kept_s
        for second in range(1900):
            learned = msgspec.Raw(b"%d" % second)
            await notebook.keep_now_and_then(start_s + second, lambda: learned)  # noqa: B023 -- asked at once
            if path.exists():
                written.add(path.read_bytes())

    written: set[bytes] = set()
    write(path, work)
    assert len(written) == 1900 // KEEP_S
