"""A unit that performs its updates at once, on a real store with a real journal.

Only what needs networks, cameras and processes is acted: what a repository would bring lies in memory, what the helper
does is done here, checks pass, and trials measure what the test says.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from fakes.memory_repository import MemoryRepository
from fakes.model_files import manifest, model_file, variant

from edgefuse.config.manifest import ModelFile
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import StoreError
from edgefuse.ota import staging
from edgefuse.ota.actions import Work
from edgefuse.ota.deployment import Deployment, Step, Wish
from edgefuse.ota.downloads import fetch_missing
from edgefuse.ota.events import Answer, Checked, Done, Event, Failed, Inspected, Measured, Started, Wished
from edgefuse.ota.gates import Figures
from edgefuse.ota.journal import Journal
from edgefuse.ota.needs import NeededFile
from edgefuse.ota.rebuilding import rebuild_files
from edgefuse.ota.repository import Repository
from edgefuse.ota.retention import collect_garbage, offer_path
from edgefuse.store.release import Release, encode_release, live_ids, load_release, make_current, save_release
from edgefuse.store.store import Store

BLOCKS = 20
Act = Callable[[Work], Answer]


def make_release(counter: int, *contents: bytes, release_id: str = "") -> Release:
    """Describe a release of one model with a file of each content."""
    files = [model_file(content, f"net-{i}.tflite") for i, content in enumerate(contents)]
    variants = [variant(file, variant_id=f"v{i}") for i, file in enumerate(files)]
    return Release(id=release_id or str(counter), counter=counter, manifests=(manifest(*variants),))


def figures(frame_ms: float = 20.0, point: int = 0) -> Figures:
    """Give what a trial would measure of a release that takes so long a frame."""
    times = tuple(frame_ms + 0.1 * (i % 3) for i in range(BLOCKS))
    memory = tuple(300.0 for _ in range(BLOCKS))
    return Figures(band="cool", point=point, frame_ms=times, p95_ms=times, memory_mb=memory, rate_hz=30, source_hz=30)


def files_of(release: Release) -> tuple[ModelFile, ...]:
    """Give all files of a release."""
    return tuple(file for each in release.manifests for part in each.variants for file in part.files)


class UpdatedUnit:
    """The unit, from its start until it has nothing to do."""

    def __init__(
        self,
        folder: Path,
        releases: Mapping[str, Release],
        contents: Mapping[str, bytes],
        deltas: Mapping[tuple[str, str], bytes] = types.MappingProxyType({}),
    ) -> None:
        """Start on what lies in ``folder``.

        Args:
            releases: What the repository has, by id.
            contents: Of all files, by sha256.
            deltas: By the sha256 of what they lead to and of their base.
        """
        self.store = Store(folder / "store")
        self.now_s = 0.0
        self.journal = Journal(
            folder / "deployment.json",
            UpdateSettings(reserve_mb=0),
            now_ns=lambda: int(self.now_s * 1e9),
            wall_iso=lambda: "2026-11-20T12:00:00Z",
        )
        self.releases = releases
        self.contents = contents
        self.repository = cast(Repository, MemoryRepository(contents, deltas))
        self.acts: Mapping[Step, Act] = {}
        """What is acted in another way than that all goes well."""
        self.say: Callable[[int], None] = lambda _: None
        """Told the number of each report."""
        self.steps: list[Step] = []

    def install_first(self, release: Release) -> None:
        """Let a release be live, as if it had been for ever."""
        self.fetch(release)
        save_release(self.store, release)
        make_current(self.store, release.id)

    def fetch(self, release: Release) -> None:
        """Bring the files that are not here."""
        for file in files_of(release):
            if not self.store.has(file.sha256):
                self.store.add([self.contents[file.sha256]], file)

    def start(self) -> None:
        """Do what a restart interrupted."""
        self.take(Started())

    def wish(self, release_id: str, seq: int = 1) -> None:
        """Hear what the fleet wants, and do it."""
        self.take(Wished(Wish(release=release_id, deployment=f"d{seq}", seq=seq)))

    def take(self, event: Event) -> None:
        """Take in an event, and perform what follows until nothing does."""
        events: deque[Event] = deque([event])
        while events:
            actions = self.journal.take(events.popleft())
            self.say(self.journal.state.seq)
            events += [self._perform(action) for action in actions if isinstance(action, Work)]

    def _perform(self, work: Work) -> Answer:
        self.steps.append(work.step)
        try:
            return self.acts.get(work.step, self.act_well)(work)
        except StoreError as e:
            return Failed(work.seq, str(e))

    def act_well(self, work: Work) -> Answer:
        """Do it, and well."""
        match work.step:
            case "RESOLVE":
                return staging.keep_offer(self.store, self.releases[work.deployment.release], work.seq)
            case "PREFLIGHT":
                collect_garbage(self.store, offer_path(self.store))
                return Inspected(work.seq, needed_bytes=1, free_bytes=1 << 30)
            case "FETCH":
                if missing := self._list_missing():
                    files = [NeededFile("detect_faces", file) for file in missing]
                    allows_deltas = work.deployment.allows_deltas
                    fetch_missing(self.repository, self.store, files, lambda *_: None, allows_deltas=allows_deltas)
            case "REBUILD":
                rebuild_files(self.store, files_of(staging.load_offer(self.store)))
            case "VERIFY":
                staging.verify(self.store, files_of(staging.load_offer(self.store)))
            case "SELFTEST":
                return Checked(work.seq)
            case "TRIAL":
                return Measured(work.seq, figures(), figures())
            case "STAGE" | "COMMIT" | "CLEANUP":
                return staging.perform(self.store, work)
        return Done(work.seq)

    def _list_missing(self) -> list[ModelFile]:
        return [file for file in files_of(staging.load_offer(self.store)) if not self.store.has(file.sha256)]

    @property
    def deployment(self) -> Deployment:
        """Give the newest."""
        assert self.journal.state.deployment is not None
        return self.journal.state.deployment

    @property
    def current(self) -> str:
        """Give the id of the release that is live."""
        return live_ids(self.store)[0]


def find_fault(folder: Path, known: Mapping[str, Release]) -> str:
    """Say why no complete, verified release would run from what lies in a folder; empty where one does."""
    store = Store(folder / "store")
    try:
        live = live_ids(store)
        if not live:
            return "no release is live"
        release = load_release(store, live[0])
        if encode_release(release) != encode_release(known[release.id]):
            return f"release {release.id} is not what was published"
        store.check(files_of(release))
    except StoreError as e:
        return str(e)
    return ""
