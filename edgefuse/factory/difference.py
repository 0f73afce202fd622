"""What a release changes against another one: on which boards, and what each of them would have to fetch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

import edgefuse
from edgefuse.config.profile import Profile
from edgefuse.errors import PlanError
from edgefuse.planning.plan import plan
from edgefuse.store.release import Release


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What another model or variant will do; empty where there was, or will be, none."""

    task: str
    size_px: int
    before: str
    after: str


class BoardDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What a release changes on one kind of board, by its sample facts."""

    profile: str
    obstacle: str = ""
    """Why the release does not go there; empty where it does."""
    changes: tuple[Change, ...] = ()
    fetch_bytes: int = 0
    """Size of the files that will run and did not run before."""
    delta_fetch_bytes: int = 0
    """The same, where a device takes the smallest delta to each file from those that ran before."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a release changes."""

    before: str
    after: str
    terms: tuple[str, ...]
    """What is different in settings, gates, constraints and embedding space, a line each."""
    boards: tuple[BoardDifference, ...]


DeltaSizes = Mapping[tuple[str, str], int]
"""Bytes of each delta, by the sha256 of the file that it leads to and of the one that it comes from."""


def compare(
    before: Release, after: Release, profiles: Iterable[Profile], deltas: DeltaSizes | None = None
) -> Difference:
    """Plan both releases for boards and compare what runs."""
    return Difference(
        before=before.id,
        after=after.id,
        terms=tuple(_compare_terms(before, after)),
        boards=tuple(_compare_on(profile, before, after, deltas or {}) for profile in profiles),
    )


def _compare_terms(before: Release, after: Release) -> Iterator[str]:
    if before.embedding_spaces != after.embedding_spaces:
        was, becomes = (", ".join(release.embedding_spaces) for release in (before, after))
        advice = f"; who is enrolled in {was} must be enrolled again" if was else ""
        yield f"embedding space: {was or 'none'} -> {becomes or 'none'}{advice}"
    old, new = (_flatten(msgspec.to_builtins(list_terms(release)), "") for release in (before, after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{key}: {_show(old.get(key))} -> {_show(new.get(key))}"


def list_terms(release: Release) -> dict[str, object]:
    """Give what a release says beside its models, by name."""
    return {
        "settings": release.settings,
        "boards": release.boards or {},
        "gates": release.gates,
        "constraints": release.constraints,
    }


def _flatten(value: object, name: str) -> dict[str, object]:
    """Give the leaves of nested dicts by their path."""
    if not isinstance(value, dict):
        return {name: value}
    return {
        path: leaf for key, item in value.items() for path, leaf in _flatten(item, f"{name}.{key}".lstrip(".")).items()
    }


def _show(value: object) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()


def _compare_on(profile: Profile, before: Release, after: Release, deltas: DeltaSizes) -> BoardDifference:
    if misfit := after.constraints.find_misfit(profile, profile.sample, edgefuse.__version__):
        return BoardDifference(profile=profile.id, obstacle=misfit)
    try:
        new = _plan(profile, after)
    except PlanError as e:
        return BoardDifference(profile=profile.id, obstacle=str(e).partition("\n")[0])
    try:
        old = _plan(profile, before)
    except PlanError:  # nothing of it runs there
        old = {}
    held = {sha256 for runs in old.values() for sha256 in runs.files}
    missing = {sha256: size for runs in new.values() for sha256, size in runs.files.items() if sha256 not in held}
    return BoardDifference(
        profile=profile.id,
        changes=tuple(_list_changes(old, new)),
        fetch_bytes=sum(missing.values()),
        delta_fetch_bytes=sum(
            min([size, *(deltas[sha256, base] for base in held if (sha256, base) in deltas)])
            for sha256, size in missing.items()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Runs:
    """What runs for one task and size."""

    name: str
    files: dict[str, int]
    """Sizes by sha256."""


_Running = dict[tuple[str, int], _Runs]
"""By task and size."""


def _plan(profile: Profile, release: Release) -> _Running:
    running = {}
    for choice in plan(profile, release, profile.sample).choices:
        files = release.find(choice.model, choice.variant).files
        runs = _Runs(f"{choice.model} {choice.variant}", {file.sha256: file.size_bytes for file in files})
        running[choice.task, choice.size_px] = runs
    return running


def _list_changes(old: _Running, new: _Running) -> Iterator[Change]:
    """Give what is different for each task and size: another variant, or other files of the same."""
    for task, size_px in sorted(old.keys() | new.keys()):
        was, becomes = old.get((task, size_px)), new.get((task, size_px))
        if was != becomes:
            name, old_name = (becomes.name if becomes else ""), (was.name if was else "")
            after = f"{name} with other files" if name == old_name else name
            yield Change(task=task, size_px=size_px, before=old_name, after=after)
