"""What of a worker's memory the models that are open at the same time, and their libraries, may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edgefuse.config.host import Host
from edgefuse.config.profile import Profile
from edgefuse.planning.candidate import Candidate
from edgefuse.planning.tasks import REQUIRED_TASKS, TASKS_ALONE, tasks_at_first

WORKER_MB = 95
"""Without models and runtimes: 71 after importing the rest (RSS), and 22 for 8 frames of 720p."""


class Budget:
    """What may still be taken, choice after choice."""

    def __init__(self, profile: Profile, host: Host) -> None:
        """Begin with nothing taken."""
        limits_mb = (profile.memory_mb, host.memory_limit_mb, host.memory_mb or None)
        self._left_mb = min(limit for limit in limits_mb if limit is not None) - WORKER_MB
        self._tasks_at_first = tasks_at_first(profile.ladder)
        self._runtimes_mb: Mapping[str, int] = {fact.id: fact.memory_mb for fact in host.runtimes}
        """What each library holds, which is never given back."""
        self._sessions_mb: Counter[str] = Counter()
        """By task."""
        self._loaded: set[str] = set()

    def obstacle(self, candidate: Candidate) -> str:
        """Say why there is no room for a candidate; empty where there is."""
        task, runtime = candidate.manifest.task, candidate.rule.id
        left_mb = self._left_mb - sum(self._runtimes_mb.get(loaded, 0) for loaded in self._loaded)
        left_mb -= sum(mb for other, mb in self._sessions_mb.items() if self._are_open_together(task, other))
        library_mb = 0 if runtime in self._loaded else self._runtimes_mb.get(runtime, 0)
        if candidate.memory_mb + library_mb <= left_mb:
            return ""
        and_library = f" and {library_mb} MB for {runtime}" if library_mb else ""
        return f"needs {candidate.memory_mb} MB{and_library}, {max(0, left_mb)} MB of the memory budget are left"

    def take(self, candidate: Candidate) -> None:
        """Count a candidate that was chosen."""
        self._loaded.add(candidate.rule.id)
        self._sessions_mb[candidate.manifest.task] += candidate.memory_mb

    def _are_open_together(self, task: str, other: str) -> bool:
        pair = {task, other}
        if task == other or not pair & (TASKS_ALONE | self._tasks_at_first):
            return True
        return not pair & TASKS_ALONE and not pair.isdisjoint(REQUIRED_TASKS)
