"""An update on which all is real but the models, while frames flow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.whole_unit import Publisher, WholeUnit

from edgefuse.store.release import live_ids

RUN_MS = 4.0


@pytest.fixture
def publisher(tmp_path: Path, shared_root: Path) -> Publisher:
    return Publisher(tmp_path, shared_root)


@pytest.fixture
def unit(publisher: Publisher, shared_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WholeUnit]:
    """One on which release ``first`` runs."""
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        first = publisher.describe(run_ms=RUN_MS)
        source, anchor = "pattern:160x120", publisher.site.anchor
        unit = WholeUnit(Path(folder), shared_root, publisher, first, source=source, anchor=anchor)
        unit.running.wait_for_frames()
        yield unit
        unit.close()


@pytest.mark.slow
def test_a_release_goes_live_while_frames_flow(publisher: Publisher, unit: WholeUnit) -> None:
    publisher.publish("fast", publisher.describe(run_ms=RUN_MS / 2))
    assert unit.install("fast", patience_s=240.0).state == "COMMITTED"
    status = unit.running.wait(lambda s: s.release == "fast")
    assert status.heartbeat is not None
    assert (status.service.restarts, status.heartbeat.dropped, live_ids(unit.store)[0]) == (0, 0, "fast")
