"""Operating points that a release brings: real supervisor, real worker, the ``fake`` runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.supervisor import start_supervisor, write_site
from fakes.tried import FAKE_PROFILE, LADDER, TriedUnit

from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import make_current, save_release

SLOW = msgspec.structs.replace(LADDER[0], rate_hz=5.0)


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch, shared_root: Path) -> Iterator[TriedUnit]:
    """One whose live release brings a slower point."""
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        unit = TriedUnit(Path(folder), shared_root)
        boards = {FAKE_PROFILE: BoardSettings(ladder=(SLOW,))}
        save_release(unit.store, msgspec.structs.replace(unit.add_fake("slow"), boards=boards))
        make_current(unit.store, "slow")
        yield unit


def test_supervisor_and_worker_take_the_points_of_the_release_that_is_live(unit: TriedUnit) -> None:
    write_site("pattern:160x120@30,live", profile=FAKE_PROFILE)
    supervisor = start_supervisor()
    try:
        status = supervisor.wait(lambda s: s.heartbeat is not None and s.heartbeat.skipped > 30)
        assert status.ladder == (SLOW,)
        assert status.heartbeat is not None and status.heartbeat.fps < 10
    finally:
        supervisor.stop()
