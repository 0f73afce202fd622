"""What lies where in a repository of releases, and which role vouches for it.

    metadata/<n>.root.json …, metadata/timestamp.json     who vouches for what (TUF)
    targets/releases/<id>.json                            descriptions; role ``releases``
    targets/models/<task>/<sha256>                        model files; the role of their family, named by the task
    targets/models/<task>/<sha256>.from.<base sha256>     deltas that make the first from the second; the same role

A family is the models that serve one task: who trains detectors need not be who trains embedders. Each has keys of its
own, and no key of one can put a file into another. A file goes live only if two roles agree: its family vouches for the
bytes, and a description names them. Targets never change under their name, so they bear no version.
"""

from __future__ import annotations

from typing import get_args

from edgefuse.config.manifest import Task

METADATA = "metadata/"
TARGETS = "targets/"
RELEASES = "releases"
"""The role that vouches for descriptions."""
FAMILIES: tuple[str, ...] = get_args(Task)
"""The roles that vouch for model files."""
SIGNED_AT = "x-edgefuse-signed-at"
"""Key of a timestamp: when it was signed, by which devices without a clock know that it cannot be earlier."""


def release_place(release_id: str) -> str:
    """Give the place of a description among the targets."""
    return f"{RELEASES}/{release_id}.json"


def file_place(task: str, sha256: str) -> str:
    """Give the place of a model file among the targets."""
    return f"models/{task}/{sha256}"


def delta_place(task: str, target_sha256: str, base_sha256: str) -> str:
    """Give the place of the delta between two model files of a family among the targets."""
    return f"{file_place(task, target_sha256)}.from.{base_sha256}"


def delta_target(place: str) -> str | None:
    """Give the place of the file that a delta leads to; nothing for the place of what is no delta."""
    target, mark, _ = place.partition(".from.")
    return target if mark else None


def places_of(role: str) -> str:
    """Give the pattern of what a delegated role may vouch for."""
    return f"{RELEASES}/*" if role == RELEASES else f"models/{role}/*"
