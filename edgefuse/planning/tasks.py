"""What a plan knows of tasks, which is what models are for."""

from __future__ import annotations

from collections.abc import Iterable

from edgefuse.config.profile import OperatingPoint

REQUIRED_TASKS = ("detect_faces", "track_faces")
"""What the main job cannot do without."""
TASKS_ALONE = frozenset({"make_person"})
"""Done before the pipeline opens its models, so their memory does not add up with it."""
TASKS_AT_FIRST = frozenset({"parse_faces"})
"""Done while stages are made, and on some boards later, too; see ``tasks_at_first``."""


def tasks_at_first(ladder: Iterable[OperatingPoint]) -> frozenset[str]:
    """Name what is only done while stages are made; of all others only models of the main job must fit beside it.

    Where a point looks again (``OperatingPoint.parse_every``), its models stay open beside all others.
    """
    return frozenset() if any(point.parse_every for point in ladder) else TASKS_AT_FIRST
