"""What a worker would say to a site configuration, before it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse.store.store import Store
from edgefuse.worker.check import WRONG, answer_check

SITE = """
source: /dev/video0
sink: mjpeg:8080
"""


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ("settings: {anonymise: {metod: blur}}", "/edgefuse.yaml: settings.anonymise.metod: unknown key"),
        ("settings: {fuse_mesh: {seed: '1'}}", "/edgefuse.yaml: settings.fuse_mesh: it does not run here"),
        ("effect: sparkle", "effect: expected"),
        ("effect: fuse_mesh\nface: /nowhere.png", "cannot use /nowhere.png as a face: no such file"),
        ("face: /nowhere.png", "face: the effect 'anonymise' has no donor"),
        ("pin_point: 99", "cannot run at point 99"),
        ("profile: toaster", "cannot find profile 'toaster'"),
        ("sauce: 1", "unknown key"),
    ],
)
def test_mistakes_are_told_without_a_camera(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, mistake: str
) -> None:
    (tmp_path / "edgefuse.yaml").write_text(f"{SITE}{lines}\n")
    assert answer_check(tmp_path / "edgefuse.yaml") == WRONG
    assert mistake in capsys.readouterr().out


def test_of_what_fits_nothing_is_said(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "edgefuse.yaml").write_text(SITE)
    assert answer_check(tmp_path / "edgefuse.yaml") == 0
    assert capsys.readouterr().out == ""
