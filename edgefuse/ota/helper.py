"""What the install helper does: the work of one step, and whose fault it is where that comes to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.errors import EdgefuseError, FetchError, PlanError
from edgefuse.ota import staging, trust
from edgefuse.ota.deployment import Step
from edgefuse.ota.downloads import fetch_missing
from edgefuse.ota.events import Done, Failed, Fault, Inspected, Progressed
from edgefuse.ota.fetching import Transport
from edgefuse.ota.needs import Needs, find_misfit, find_needs
from edgefuse.ota.rebuilding import rebuild_files
from edgefuse.ota.refusal import TrustError, UnprovenError
from edgefuse.ota.repository import Repository
from edgefuse.ota.wire import HelperAnswer, Job
from edgefuse.planning.board import Board, recall_board
from edgefuse.planning.recall import NotProbedError
from edgefuse.store.store import Store, open_store

_FAULTS: tuple[tuple[type[EdgefuseError], Fault], ...] = (
    (FetchError, "later"),  # no network, no broker, or no repository at the other end
    (UnprovenError, "later"),  # an expired timestamp, a clock that is wrong, a log-in page
    (NotProbedError, "later"),  # the worker that probes is just starting
    (TrustError, "rejected"),
    (PlanError, "rejected"),  # nothing of it can run here
    (EdgefuseError, "failed"),  # the disk; what people wrote; a delta that leads nowhere
)
"""The first that fits; see ``edgefuse.ota.events.Fault``."""


@dataclass(frozen=True, slots=True)
class Helper:
    """Has what one job needs."""

    job: Job
    transport: Transport
    tell: Callable[[Progressed], None]

    def run(self) -> HelperAnswer:
        """Do the work of the step, and give what came of it."""
        try:
            return _WORKS[self.job.step](self)
        except EdgefuseError as e:
            return self._fail(str(e), next(fault for kind, fault in _FAULTS if isinstance(e, kind)))

    def refresh(self) -> HelperAnswer:
        """Bring the newest metadata, and see whether the release is there at all."""
        release = self.job.deployment.release
        with self._repository() as repository:
            if any(offer.id == release for offer in repository.offers()):
                return self._done()
        return self._fail(f"the repository does not have release {release}; publish it", "later")

    def resolve(self) -> HelperAnswer:
        """Bring the release's description, and keep it."""
        with self._repository() as repository:
            release = repository.load_release(self.job.deployment.release)
        return staging.keep_offer(open_store(), release, self.job.seq)

    def inspect(self) -> HelperAnswer:
        """Tell whether the release fits this unit, and what it takes of the disk."""
        board = self._recall()
        release = staging.load_offer(board.store)
        misfit = find_misfit(board, release)
        needed_bytes = 0 if misfit else find_needs(board, release).missing_bytes(board.store)
        return Inspected(self.job.seq, misfit=misfit, needed_bytes=needed_bytes)

    def fetch(self) -> HelperAnswer:
        """Bring what is not here."""
        store, needs = self._find_needs()
        if missing := needs.missing(store):
            with self._repository() as repository:
                fetch_missing(repository, store, missing, self._tell, allows_deltas=self.job.deployment.allows_deltas)
        return self._done()

    def rebuild(self) -> HelperAnswer:
        """Make blobs of what was brought."""
        store, needs = self._find_needs()
        rebuild_files(store, (needed.file for needed in needs.files))
        return self._done()

    def verify(self) -> HelperAnswer:
        """Read again what will run."""
        store, needs = self._find_needs()
        staging.verify(store, (needed.file for needed in needs.files))
        return self._done()

    def _repository(self) -> AbstractContextManager[Repository]:
        now = clock.parse_iso(self.job.trusted_time) if self.job.trusted_time is not None else None
        return trust.open_repository(trust.anchor_path(), trust.state_path(), self.transport, now)

    def _recall(self) -> Board:
        return recall_board(self.job.profile, memory_mb=self.job.memory_mb)

    def _find_needs(self) -> tuple[Store, Needs]:
        board = self._recall()
        return board.store, find_needs(board, staging.load_offer(board.store))

    def _tell(self, done_bytes: int, total_bytes: int) -> None:
        self.tell(Progressed(self.job.seq, done_bytes=done_bytes, total_bytes=total_bytes))

    def _done(self) -> Done:
        return Done(self.job.seq)

    def _fail(self, reason: str, fault: Fault) -> Failed:
        return Failed(self.job.seq, reason, fault)


_WORKS: Mapping[Step, Callable[[Helper], HelperAnswer]] = {
    "REFRESH": Helper.refresh,
    "RESOLVE": Helper.resolve,
    "PREFLIGHT": Helper.inspect,
    "FETCH": Helper.fetch,
    "REBUILD": Helper.rebuild,
    "VERIFY": Helper.verify,
}
