"""What a plan knows of tasks, which is what models are for."""

from __future__ import annotations

REQUIRED_TASKS = ("detect_faces", "track_faces")
"""What the main job cannot do without."""
TASKS_ALONE = frozenset({"make_person"})
"""Done before the pipeline opens its models, so their memory does not add up with it."""
TASKS_AT_FIRST = frozenset({"parse_faces"})
"""Done while stages are made; of what the pipeline opens, only the models of the main job must fit beside them, unless
the ladder keeps them open (``OperatingPoint.parse_every``)."""
