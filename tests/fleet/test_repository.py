"""The repository service behind a real broker, and a device that fetches over its link as its install helper does."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fakes.broker import Broker, serving
from fakes.command import Started, refuse, start
from fakes.daemon import linked
from fakes.proxy import PUBLISH, Direction, Pass, Proxy, Step, kind
from fakes.relaying import RelayingDaemon
from fakes.release_site import Device
from fakes.release_site import Site as Publisher
from fleet.conftest import Fleet
from fleet.conftest import linked as joined
from fleet.test_serve import stop, wait_for

from edgefuse.config.link import parse_broker
from edgefuse.fleet.repository import RepositoryService, find_published, read_piece
from edgefuse.link.connection import Target
from edgefuse.ota.chunks import MAX_CHUNK_BYTES, Outcome, Request, read_chunk, write_request
from edgefuse.ota.relay import RelayFetcher

LARGE = "targets/models/large"
"""Signed by nobody, and as good as any for who looks at bytes only."""
CONTENT = random.Random(1).randbytes(6_000_000)


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """A site that has published release ``one``, and beside it a large file."""
    publisher = Publisher(tmp_path_factory.mktemp("publisher"))
    publisher.start()
    (publisher.published / LARGE).write_bytes(CONTENT)
    return publisher


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with serving(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    """The network between the device and its broker."""
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


@pytest.fixture
def daemon() -> Iterator[RelayingDaemon]:
    daemon = RelayingDaemon()
    yield daemon
    daemon.close()


@contextmanager
def served(broker: Broker, publisher: Publisher, name: str = "main") -> Iterator[RepositoryService]:
    """Run the service beside a broker that lets everybody in; one of this name soon looks for a lost broker again."""
    target = Target(f"repository-{name}", parse_broker(broker.url), None, 60, is_lasting=False)
    service, stop = RepositoryService(target, find_published(publisher.published)), threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    try:
        yield service
    finally:
        stop.set()
        thread.join()


@contextmanager
def fetching(folder: Path, daemon: RelayingDaemon, url: str) -> Iterator[RelayFetcher]:
    """Run a device's link, and give what its helper fetches with."""
    with linked(folder, daemon, url) as link, daemon.helping(link) as fetcher:
        yield fetcher


def spoil(direction: Direction, packet: bytes) -> list[Step]:
    """Do to chunks what networks do, and other messages no harm."""
    if kind(packet) != PUBLISH or (b"/dn/repo/" not in packet[:80] and b"/up/repo/" not in packet[:80]):
        return [Pass(packet)]
    with _lock:
        if _chance.random() < 0.05:
            return []
        if _chance.random() < 0.05:
            return [Pass(packet), Pass(packet)]
        if _chance.random() < 0.05 and direction not in _held:
            _held[direction] = packet
            return []
        return [Pass(packet), *([Pass(_held.pop(direction))] if direction in _held else [])]


_chance, _held, _lock = random.Random(5), dict[Direction, bytes](), threading.Lock()


def test_bad_line_only_delays_a_release(
    tmp_path: Path, broker: Broker, proxy: Proxy, daemon: RelayingDaemon, publisher: Publisher
) -> None:
    device = Device(tmp_path / "device", publisher.anchor)
    proxy.rule = spoil
    with served(broker, publisher) as service, fetching(tmp_path, daemon, proxy.url) as fetcher:
        release = device.install(fetcher, "one")
        assert b"".join(fetcher.fetch(LARGE)) == CONTENT
        sent_bytes = service.counts.sent_bytes
    assert release.id == "one"
    assert all(device.store.has(file.sha256) for file in release.manifests[0].variants[0].files)
    assert sent_bytes < len(CONTENT) * 1.5


def test_broker_that_is_killed_delays_a_file(
    tmp_path: Path, broker: Broker, daemon: RelayingDaemon, publisher: Publisher
) -> None:
    with served(broker, publisher), fetching(tmp_path, daemon, broker.url) as fetcher:
        chunks = fetcher.fetch(LARGE)
        came = b"".join(itertools.islice(chunks, 20))
        broker.kill()
        broker.start()
        assert came + b"".join(chunks) == CONTENT


def test_what_has_come_is_not_fetched_again(
    tmp_path: Path, broker: Broker, daemon: RelayingDaemon, publisher: Publisher
) -> None:
    with served(broker, publisher) as service, fetching(tmp_path, daemon, broker.url) as fetcher:
        came = b"".join(itertools.islice(fetcher.fetch(LARGE), 60))
        rest = b"".join(fetcher.fetch_from(LARGE, len(came)))
        sent_bytes = service.counts.sent_bytes
    assert came + rest == CONTENT
    assert 0 < len(came) < len(CONTENT) - 32 * MAX_CHUNK_BYTES
    assert sent_bytes <= len(CONTENT) + 32 * MAX_CHUNK_BYTES


def test_services_share_the_work(tmp_path: Path, broker: Broker, daemon: RelayingDaemon, publisher: Publisher) -> None:
    with ExitStack() as stack:
        services = [stack.enter_context(served(broker, publisher, name)) for name in ("main", "other")]
        fetcher = stack.enter_context(fetching(tmp_path, daemon, broker.url))
        assert b"".join(fetcher.fetch(LARGE)) == CONTENT
        while not all(service.counts.answered for service in services):  # the second may have come late
            assert b"".join(fetcher.fetch(LARGE)) == CONTENT


def ask(place: str = LARGE, **changes: int) -> Request:
    return Request(**{"stream": 7, "id": 1, "place": place, "offset_bytes": 0, "length_bytes": 100, **changes})


def serve(fleet: Fleet, folder: Path) -> Started:
    """Start the service as its operator does."""
    return start("fleet", "serve", "--site", str(fleet.folder), "--repository", str(folder), folder=fleet.folder.parent)


on_both_brokers = pytest.mark.parametrize("fleet", ["mosquitto", "embedded"], indirect=True)


@on_both_brokers
def test_release_is_installed_from_fleet_serve(
    fleet: Fleet, tmp_path: Path, daemon: RelayingDaemon, publisher: Publisher
) -> None:
    device = Device(tmp_path / "device", publisher.anchor)
    with serve(fleet, publisher.published) as process:
        with joined(fleet, "a", daemon) as link, daemon.helping(link) as fetcher:
            assert device.install(fetcher, "one").id == "one"
            assert b"".join(fetcher.fetch(LARGE)) == CONTENT
        said = stop(process)
    assert f"folder={publisher.published}" in said


@on_both_brokers
def test_device_asks_for_itself_alone(fleet: Fleet, publisher: Publisher) -> None:
    """Others neither read its chunks, nor ask in its name, nor send it chunks of their own."""
    device, intruder = fleet.connect(fleet.join("a")), fleet.connect(fleet.join("b"))
    device.subscribe("ef/v1/d/a/dn/repo/+")
    for topic in ("ef/v1/d/a/dn/repo/+", "ef/v1/d/+/dn/repo/#", "ef/v1/d/+/up/repo/req", "ef/v1/d/b/dn/repo/+"):
        intruder.subscribe(topic)
    with serve(fleet, publisher.published) as process:
        wait_for(lambda: (device.publish("ef/v1/d/a/up/repo/req", write_request(ask())), device.messages)[1])
        intruder.publish("ef/v1/d/a/up/repo/req", write_request(ask(id=2)))
        intruder.publish("ef/v1/d/a/dn/repo/7", b"no chunk")
        intruder.publish("ef/v1/d/b/up/repo/req", write_request(ask(id=3)))
        intruder.wait(lambda: intruder.messages)
        stop(process)
    assert {read_chunk(payload).id for _, payload in device.messages} == {1}
    assert {topic for topic, _ in device.messages} == {"ef/v1/d/a/dn/repo/7"}
    assert {(topic, read_chunk(payload).id) for topic, payload in intruder.messages} == {("ef/v1/d/b/dn/repo/7", 3)}


def test_nonsense_is_passed_over(fleet: Fleet, publisher: Publisher) -> None:
    nonsense = [b"", b"{}", b"x" * 2000, write_request(ask("../x")), write_request(ask(length_bytes=1 << 20))]
    device = fleet.connect(fleet.join("a"))
    device.subscribe("ef/v1/d/a/dn/repo/+")
    with serve(fleet, publisher.published) as process:
        wait_for(lambda: (device.publish("ef/v1/d/a/up/repo/req", write_request(ask())), device.messages)[1])
        for payload in nonsense:
            device.publish("ef/v1/d/a/up/repo/req", payload)
        device.publish("ef/v1/d/a/up/repo/req", write_request(ask(id=2)))
        device.wait(lambda: read_chunk(device.messages[-1][1]).id == 2)
        said = stop(process)
    assert f"refused={len(nonsense)})" in said


def test_folder_without_a_repository_is_refused_at_once(site: Path, tmp_path: Path) -> None:
    said = refuse("fleet", "serve", "--site", str(site), "--repository", str(tmp_path), folder=tmp_path)
    assert f"cannot serve {tmp_path}: nothing is published there (edgefuse release publish {tmp_path})" in said


@pytest.mark.parametrize(
    ("offset_bytes", "length_bytes"), [(0, 1), (5, MAX_CHUNK_BYTES), (len(CONTENT) - 3, 100), (len(CONTENT), 5)]
)
def test_piece_is_what_the_file_has_there(publisher: Publisher, offset_bytes: int, length_bytes: int) -> None:
    chunk = read_piece(publisher.published, ask(offset_bytes=offset_bytes, length_bytes=length_bytes))
    assert chunk.data == CONTENT[offset_bytes : offset_bytes + length_bytes]
    assert (chunk.outcome, chunk.total_bytes, chunk.offset_bytes) == (Outcome.FOUND, len(CONTENT), offset_bytes)


def test_what_is_no_file_of_the_folder_is_absent(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "published"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for place in ("sub", "none", "sub/none", "out", "up/secret", "pipe", "out/x", "../secret", "/etc/passwd"):
        chunk = read_piece(folder, ask(place))
        assert (chunk.outcome, chunk.total_bytes, chunk.data) == (Outcome.ABSENT, 0, b""), place


def test_what_cannot_be_read_is_broken(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert read_piece(tmp_path.resolve(), ask("circle")).outcome is not Outcome.FOUND
    assert read_piece(Path("/proc/self").resolve(), ask("mem")).outcome is Outcome.BROKEN
