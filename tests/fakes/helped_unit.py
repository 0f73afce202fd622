"""A unit whose updates the real install helper performs, from a repository that a real vault has signed."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import yaml
from fakes.planned import make_host, make_manifest, make_profile
from fakes.release_site import Site

from edgefuse import clock
from edgefuse.config.manifest import ModelFile, Source, Variant
from edgefuse.config.updates import UpdateSettings
from edgefuse.factory.bases import list_pairs, make_deltas
from edgefuse.factory.built import write_built
from edgefuse.interpreter import module_command
from edgefuse.ota.chunks import Chunk, Outcome, Request, read_request, write_chunk
from edgefuse.ota.deployment import Deployment, Step
from edgefuse.ota.parts import Part, list_parts
from edgefuse.ota.wire import FrameReader, HelperAnswer, Job, Kind, pack
from edgefuse.store.release import Release, make_current, save_release
from edgefuse.store.state import Probe, State
from edgefuse.store.store import Store

CHECKOUT = Path(__file__).parents[2]
PATIENCE_S = 120.0
DETECTOR, TRACKER = (random.Random(seed).randbytes(40_000) for seed in range(2))


def describe(
    store: Store, release_id: str, counter: int, detector: bytes, tracker: bytes | None = TRACKER, **keys: object
) -> Release:
    """Make a release of models for the ``fake`` runtime, and put its files into a store."""
    tasks = {"detect_faces": detector, "track_faces": tracker}
    manifests = tuple(make_manifest(task, task, _keep(store, task, tasks[task])) for task in tasks if tasks[task])
    return Release(id=release_id, counter=counter, manifests=manifests, **keys)


def _keep(store: Store, name: str, content: bytes) -> Variant:
    sha256 = store.add_file(_write(store.root / "whole", content))
    file = ModelFile(
        name=name, sha256=sha256, size_bytes=len(content), source=Source(release=f"models/{name}/{sha256}")
    )
    return Variant(
        id="a", format="fake", precision="fp32", size_px=128, files=(file,), inputs=(), outputs=(), memory_mb=1
    )


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@dataclass
class HelperProcess:
    """The helper at work."""

    process: subprocess.Popen[bytes]
    end: socket.socket
    repository: Path
    """What is relayed to it."""
    said: list[HelperAnswer] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    """Over the link."""
    most_requests: int | None = None
    """After so many nothing is relayed any more."""

    def listen(self) -> Iterator[HelperAnswer]:
        """Give what it says until it ends, and relay between it and the repository."""
        reader = FrameReader()
        while data := self.end.recv(1 << 16):
            for kind, payload in reader.feed(data):
                if len(self.asked) == self.most_requests:
                    return
                if kind is Kind.REQUEST:
                    self.end.sendall(pack(Kind.CHUNK, self._look_up(payload)))
                else:
                    self.said.append(msgspec.json.decode(payload, type=HelperAnswer))
                    yield self.said[-1]

    def finish(self) -> HelperAnswer:
        """Give its last word."""
        for _ in self.listen():
            pass
        assert self.process.wait(PATIENCE_S) == 0
        self.end.close()
        return self.said[-1]

    def kill(self) -> None:
        """End it as the kernel does where memory runs out."""
        self.process.kill()
        self.process.wait()
        self.end.close()

    def _look_up(self, payload: bytes) -> bytes:
        request = read_request(payload)
        self.asked.append(request)
        path = self.repository / request.place
        if not path.exists():
            return write_chunk(Chunk(request.stream, request.id, request.offset_bytes, 0, b"", Outcome.ABSENT))
        with path.open("rb") as file:
            file.seek(request.offset_bytes)
            data = file.read(request.length_bytes)
        return write_chunk(Chunk(request.stream, request.id, request.offset_bytes, path.stat().st_size, data))


class HelpedUnit:
    """A unit with a root of its own, on which release ``first`` runs."""

    def __init__(self, root: Path, site: Site) -> None:
        """Set it up with what it must have; the site vouches for all that it will get."""
        self.root, self.site = root, site
        self.store = Store(root / "var/lib/edgefuse/store")
        self.settings = UpdateSettings(repository=str(site.published))
        self.memory_mb: int | None = None
        self._started: list[HelperProcess] = []
        profile = msgspec.to_builtins(make_profile("fake", sample=make_host("fake")))
        _write(root / "etc/edgefuse/devices.d/board.yaml", yaml.safe_dump(profile).encode())
        _write(root / "etc/edgefuse/root.json", site.anchor.read_bytes())
        self.remember(State(probe=Probe(fingerprint="of the last start", runtimes=make_host("fake").runtimes)))
        self.first = describe(site.store, "first", 1, DETECTOR)
        for manifest in self.first.manifests:
            file = manifest.variants[0].files[0]
            self.store.add([site.store.path(file.sha256).read_bytes()], file)
        save_release(self.store, self.first)
        make_current(self.store, "first")

    def remember(self, state: State) -> None:
        """Let the worker have learned this."""
        _write(self.root / "var/lib/edgefuse/state.json", msgspec.json.encode(state))

    def publish(
        self, release_id: str, counter: int, detector: bytes, bases: Iterable[Release] = (), **keys: object
    ) -> Release:
        """Build, sign and publish a release, with deltas from others; ``keys`` are those of ``describe``."""
        store = self.site.store
        release = describe(store, release_id, counter, detector, **keys)
        folder = self.site.folder / f"helped-{release_id}"
        deltas = [delta for pair in list_pairs(release, bases) for delta in make_deltas(pair, store)]
        write_built(folder, release, store, deltas)
        self.site.sign_built(folder)
        self.site.publish()
        return release

    def make_job(self, step: Step, release: str, *, trusted_time: str | None = None, **changes: object) -> Job:
        """Give a job, now where no time is given, and at no time that is known where it is empty.

        Args:
            changes: Of the deployment.
        """
        return Job(
            step=step,
            seq=7,
            deployment=Deployment(id="d1", release=release, step=step, **changes),
            settings=self.settings,
            trusted_time=(clock.wall_iso() if trusted_time is None else trusted_time) or None,
            profile="board",
            memory_mb=self.memory_mb,
        )

    def start(self, job: Job, command: Sequence[str] = ()) -> HelperProcess:
        """Start the helper with a job; ``command`` stands in place of its own and is given the socket."""
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE_S)
        arguments = ("--socket", str(theirs.fileno()))
        own = module_command(sys.executable, "edgefuse.ota", *arguments)
        environment = {**os.environ, "EDGEFUSE_ROOT": str(self.root), "PYTHONPATH": str(CHECKOUT)}
        process = subprocess.Popen(
            [*command, *arguments] if command else own, pass_fds=(theirs.fileno(),), env=environment
        )
        theirs.close()
        ours.sendall(pack(Kind.JOB, msgspec.json.encode(job)))
        self._started.append(HelperProcess(process, ours, self.site.published))
        return self._started[-1]

    def close(self) -> None:
        """End the helpers that a test has left."""
        for helper in self._started:
            helper.kill()

    def do(self, step: Step, release: str, **changes: object) -> HelperAnswer:
        """Let the helper do one step, and give its last word."""
        return self.start(self.make_job(step, release, **changes)).finish()

    def parts(self) -> tuple[Part, ...]:
        """Give what is on its way."""
        return list_parts(self.store)

    def has(self, release: Release) -> bool:
        """Tell whether every file of a release is here, and what it should be."""
        files = [file for manifest in release.manifests for file in manifest.variants[0].files]
        return all(self.store.has(file.sha256) and self.store.is_intact(file.sha256) for file in files)
