"""What a worker would say to a start, before it is started."""

from __future__ import annotations

import pytest

from edgefuse import ipc
from edgefuse.store.store import Store
from edgefuse.worker.check import describe_mistakes

START = {"source": "/dev/video0", "sink": "mjpeg:8080", "effect": "anonymise"}


@pytest.mark.parametrize(
    ("fields", "mistakes"),
    [
        ({}, ""),
        ({"settings": {"anonymise": {"metod": "blur"}}}, "--set anonymise.metod: unknown key"),
        ({"settings": {"fuse_mesh": {"seed": "1"}}}, "cannot set options of 'fuse_mesh': it does not run here"),
        ({"effect": "sparkle"}, "cannot find effect 'sparkle'"),
        ({"point": 99}, "cannot run at point 99"),
        ({"profile": "toaster"}, "cannot find profile 'toaster'"),
        ({"source": "loop:/nowhere.mp4"}, "cannot read /nowhere.mp4: no such file"),
        ({"sink": "mjpeg:http"}, "cannot "),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_mistakes_are_told_without_a_camera(store: Store, fields: dict[str, object], mistakes: str) -> None:
    said = describe_mistakes(ipc.Start(**{**START, **fields}))  # type: ignore[arg-type]
    assert said.startswith(mistakes) if mistakes else not said
