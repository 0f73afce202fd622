"""What somebody may do who has the web server, the broker, the cable or one key; all is refused, and nothing kept."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.model_files import model_file
from fakes.release_site import Device, Site
from tuf.api.exceptions import DownloadHTTPError, SlowRetrievalError
from tuf.api.metadata import DelegatedRole, MetaFile, Root, Signed, TargetFile, Targets, Timestamp

from edgefuse import clock
from edgefuse.errors import EdgefuseError, FetchError, StoreError
from edgefuse.ota.fetching import LOWEST_BYTES_PER_S, PERIOD_S, FolderFetcher, PatientFetcher, Transport
from edgefuse.ota.refusal import TrustError


class LyingFetcher(Transport):
    """Brings what a folder has, except for one file."""

    def __init__(self, folder: Path, place: str, lie: Callable[[], Iterator[bytes]]) -> None:
        self._honest = FolderFetcher(folder)
        self._place = place
        self._lie = lie
        self.asked: list[str] = []

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        self.asked.append(url)
        return self._lie() if url.endswith(self._place) else self._honest.fetch_from(url, offset_bytes)


def refuse(device: Device, source: Path | Transport, release_id: str = "one", *, days: float = 0.0) -> EdgefuseError:
    """Let a device try to install a release; it must say why not in one line, and have what it had before."""
    before = device.content()
    with pytest.raises(EdgefuseError, match=r"^cannot [^\n]*$") as raised:
        device.install(source, release_id, clock.wall_now() + timedelta(days=days))
    assert device.content() == before
    return raised.value


def refuse_late(device: Device, source: Path | Transport, release_id: str = "one") -> EdgefuseError:
    """Refuse what comes after good metadata at the top, which is kept."""
    with suppress(EdgefuseError), device.open(source, clock.wall_now()):
        pass
    return refuse(device, source, release_id)


def test_older_repository_is_refused(site: Site, device: Device) -> None:
    old = site.keep("old")
    site.release("two", 2, "b")
    device.install(site.published, "two")
    error = refuse(device, old)
    assert isinstance(error, TrustError) and "it offers older metadata" in str(error)


def test_older_snapshot_under_a_new_timestamp_is_refused(site: Site, device: Device) -> None:
    site.release("two", 2, "b")
    device.install(site.published, "two")
    site.forge(
        "timestamp", lambda t: (setattr(t.snapshot_meta, "version", 2), _count_up(t)), *site.keys_of("timestamp")
    )
    assert "it offers older metadata" in str(refuse(device, site.published))


def test_repository_that_stands_still_is_refused_after_three_days(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    assert "timestamp.json is expired" in str(refuse(device, site.published, days=4))


@pytest.mark.parametrize("role", ["snapshot", "releases"])
def test_parts_of_two_states_are_refused(site: Site, device: Device, role: str) -> None:
    version = {"snapshot": 2, "releases": 2}[role]
    site.release("two", 2, "b")
    shutil.copy(site.metadata / f"{version}.{role}.json", site.metadata / f"{version + 1}.{role}.json")
    assert "parts that do not belong together" in str(refuse_late(device, site.published, "two"))


def test_snapshot_that_drops_a_role_is_refused(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    version = 3
    site.forge(
        "snapshot", lambda s: (s.meta.pop("detect_faces.json"), _count_up(s)), *site.keys_of("snapshot"), version=3
    )
    site.forge(
        "timestamp", lambda t: (setattr(t.snapshot_meta, "version", version), _count_up(t)), *site.keys_of("timestamp")
    )
    assert "missing info for 'detect_faces.json'" in str(refuse(device, site.published))


@pytest.mark.parametrize(
    "place", ["timestamp.json", "2.root.json", "2.snapshot.json", "1.targets.json", "2.releases.json"]
)
def test_metadata_without_end_is_refused(site: Site, device: Device, place: str) -> None:
    endless = LyingFetcher(site.published, place, lambda: itertools.repeat(bytes(1 << 16)))
    error = refuse_late(device, endless)
    assert isinstance(error, TrustError) and "is longer than" in str(error)


@pytest.mark.parametrize("kind", ["releases", "models/detect_faces"])
def test_target_without_end_is_refused(site: Site, device: Device, kind: str) -> None:
    device.look(site.published, "one")
    endless = LyingFetcher(site.published, _target(site, kind).name, lambda: itertools.repeat(bytes(1 << 16)))
    assert "longer than the" in str(refuse(device, endless))


@pytest.mark.parametrize("kind", ["releases", "models/detect_faces"])
def test_other_bytes_of_the_same_length_are_refused(site: Site, device: Device, kind: str) -> None:
    device.look(site.published, "one")
    path = _target(site, kind)
    path.write_bytes(bytes(path.stat().st_size))
    assert "which was not signed" in str(refuse(device, site.published))


@pytest.mark.parametrize("kind", ["releases", "models/detect_faces"])
def test_target_that_ends_early_may_be_asked_for_again(site: Site, device: Device, kind: str) -> None:
    device.look(site.published, "one")
    path = _target(site, kind)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert isinstance(refuse(device, site.published), FetchError)
    path.write_bytes(content)
    assert device.install(site.published, "one").id == "one"


def test_file_of_another_family_is_refused(site: Site, device: Device) -> None:
    """The detectors' key vouches for an embedder: nobody looks for one there."""
    device.look(site.published, "one")
    file = model_file(b"an embedder")
    place = f"models/embed_faces/{file.sha256}"
    target = TargetFile(file.size_bytes, {"sha256": file.sha256}, place)
    site.forge_list("detect_faces", lambda targets: targets.targets.update({place: target}))
    with (
        device.open(site.published, clock.wall_now()) as repository,
        pytest.raises(TrustError, match="nobody who may do so vouches for it"),
    ):
        repository.read_file("embed_faces", file)


def test_description_alone_brings_no_file_in(site: Site, device: Device) -> None:
    """The key of descriptions names a model for which its family does not vouch."""
    site.forge_list("detect_faces", lambda targets: targets.targets.clear())
    device.look_at_metadata(site.published)
    assert "nobody who may do so vouches for it" in str(refuse(device, site.published))


def test_description_of_another_release_is_refused(site: Site, device: Device) -> None:
    site.release("two", 2, "b")

    def swap(listed: Targets) -> None:
        one = listed.targets["releases/one.json"]
        listed.targets["releases/two.json"] = TargetFile(
            one.length, one.hashes, "releases/two.json", {"custom": {"counter": 2}}
        )

    site.forge_list("releases", swap)
    shutil.copy(site.published / "targets/releases/one.json", site.published / "targets/releases/two.json")
    device.look_at_metadata(site.published)
    assert "it describes release one with counter 1" in str(refuse(device, site.published, "two"))


@pytest.mark.parametrize("release_id", ["../one", "a/../../one", "..", "A", "one\n", ""])
def test_name_that_leads_elsewhere_is_no_release(site: Site, device: Device, release_id: str) -> None:
    place = f"releases/{release_id}.json"
    target = TargetFile(3, {"sha256": "0" * 64}, place, {"custom": {"counter": 9}})
    site.forge_list("releases", lambda targets: targets.targets.update({place: target}))
    with (
        device.open(site.published, clock.wall_now()) as repository,
        pytest.raises(TrustError, match="no release can be called so"),
    ):
        repository.offers()


@pytest.mark.parametrize("name", ["../net.onnx", "/etc/passwd", "a/b", ".."])
def test_signed_description_whose_files_lead_elsewhere_is_refused(site: Site, device: Device, name: str) -> None:
    path = site.published / "targets/releases/one.json"
    text = path.read_text()
    description = json.loads(text)
    description["manifests"][0]["variants"][0]["files"][0]["name"] = name
    content = json.dumps(description).encode()
    target = TargetFile.from_data("releases/one.json", content, ["sha256"])
    target.unrecognized_fields["custom"] = {"counter": 1}
    site.forge_list("releases", lambda targets: targets.targets.update({target.path: target}))
    path.write_bytes(content)
    device.look_at_metadata(site.published)
    assert isinstance(refuse(device, site.published), StoreError)


def test_role_whose_name_leads_elsewhere_writes_nothing_there(site: Site, device: Device) -> None:
    def delegate(targets: Targets) -> None:
        assert targets.delegations is not None and targets.delegations.roles is not None
        roles = {"../../../evil": DelegatedRole("../../../evil", [], 1, False, paths=["releases/*"])}
        targets.delegations.roles = {**roles, **targets.delegations.roles}
        targets.add_key(site.keys_of("releases")[0], "../../../evil")

    site.forge("targets", delegate, *site.keys_of("targets"))
    evil = {"../../../evil.json": MetaFile(2)}
    site.forge("snapshot", lambda snapshot: snapshot.meta.update(evil), *site.keys_of("snapshot"))
    shutil.copy(site.metadata / "2.releases.json", site.metadata / "2...%2F..%2F..%2Fevil.json")
    assert device.install(site.published, "one").id == "one"
    assert device.install(site.published, "one").id == "one"  # from what was kept
    assert not [path for path in site.folder.parent.rglob("*evil*") if path.parent != site.metadata]


@pytest.mark.parametrize("url", ["../secret", "metadata/../../secret", "/etc/passwd"])
def test_folder_gives_nothing_from_outside(site: Site, url: str) -> None:
    (site.folder / "secret").write_text("not published")
    with pytest.raises(DownloadHTTPError):
        tuple(FolderFetcher(site.published).fetch(url))


def test_metadata_of_an_unknown_key_is_refused(site: Site, device: Device, tmp_path: Path) -> None:
    other = Site(tmp_path / "other")
    other.start()
    shutil.copy(other.metadata / "timestamp.json", site.metadata / "timestamp.json")
    assert "too few of the keys" in str(refuse(device, site.published))


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "releases", "detect_faces"])
def test_changed_metadata_is_refused(site: Site, device: Device, role: str) -> None:
    site.forge(role, lambda signed: setattr(signed, "spec_version", "1.0.30"))
    if role == "detect_faces":
        device.look_at_metadata(site.published)
    assert "too few of the keys" in str(refuse_late(device, site.published))


@pytest.mark.parametrize("count", [0, 1])
def test_new_root_with_fewer_than_two_signatures_is_refused(site: Site, device: Device, count: int) -> None:
    def take_over(root: Root) -> None:
        root.version = 2
        root.roles["root"].threshold = 1

    site.forge("root", take_over, *site.keys_of("root")[:count], version=2)
    assert "too few of the keys" in str(refuse(device, site.published))


def test_root_that_skips_a_version_is_refused(site: Site, device: Device) -> None:
    site.forge("root", lambda root: setattr(root, "version", 3), *site.keys_of("root"), version=2)
    assert "Expected root version 2" in str(refuse(device, site.published))


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "releases", "detect_faces"])
def test_expired_metadata_is_refused(site: Site, device: Device, role: str) -> None:
    """Each for itself: all others are good for longer."""

    def end_yesterday(signed: Signed) -> None:
        signed.expires = clock.wall_now().replace(microsecond=0) - timedelta(days=1)
        signed.version += role == "root"

    site.forge(role, end_yesterday, *site.keys_of(role), version=2 if role == "root" else None)
    if role in ("root", "detect_faces"):  # a root that has ended is still the end of older ones
        with suppress(TrustError):
            device.look_at_metadata(site.published)
    assert "expired" in str(refuse_late(device, site.published))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff" * 99, b'{"signed": {}, "signatures": []}', b"[" * 9000, b'{"signed":' * 1500],
    ids=["empty", "open", "list", "null", "binary", "hollow", "deep", "deep-objects"],
)
@pytest.mark.parametrize("name", ["timestamp.json", "2.root.json", "2.snapshot.json", "1.targets.json"])
def test_what_is_no_metadata_is_refused(site: Site, device: Device, name: str, content: bytes) -> None:
    (site.metadata / name).write_bytes(content)
    assert isinstance(refuse(device, site.published), TrustError)


def test_signed_metadata_that_is_too_large_is_refused(site: Site, device: Device) -> None:
    def swell(timestamp: Timestamp) -> None:
        timestamp.unrecognized_fields["x-padding"] = "." * 20_000

    site.forge("timestamp", swell, *site.keys_of("timestamp"))
    assert "is longer than" in str(refuse(device, site.published))


def test_signed_description_that_is_too_large_is_refused(site: Site, device: Device) -> None:
    target = TargetFile(1 << 30, {"sha256": "0" * 64}, "releases/one.json", {"custom": {"counter": 1}})
    site.forge_list("releases", lambda targets: targets.targets.update({target.path: target}))
    device.look_at_metadata(site.published)
    assert "are allowed" in str(refuse(device, site.published))


def test_file_of_another_size_than_its_family_signed_is_refused(site: Site, device: Device) -> None:
    device.look(site.published, "one")

    def lengthen(targets: Targets) -> None:
        for target in targets.targets.values():
            target.length += 1

    site.forge_list("detect_faces", lengthen)
    device.look_at_metadata(site.published)
    with pytest.raises(TrustError, match="vouches for other bytes"):
        device.install(site.published, "one")
    assert not device.store.blobs()


@pytest.mark.parametrize("counter", [None, "7", True])
def test_release_without_a_counter_is_refused(site: Site, device: Device, counter: object) -> None:
    site.forge_list(
        "releases",
        lambda t: t.targets["releases/one.json"].unrecognized_fields.update(custom={"counter": counter}),
    )
    with (
        device.open(site.published, clock.wall_now()) as repository,
        pytest.raises(TrustError, match="does not say its counter"),
    ):
        repository.offers()


def test_web_server_that_has_nothing_is_no_reason_for_distrust(site: Site, device: Device) -> None:
    (site.metadata / "timestamp.json").unlink()
    assert isinstance(refuse(device, site.published), FetchError)


def test_fetcher_that_stalls_or_breaks_is_asked_again_later(site: Site, device: Device) -> None:
    def break_off() -> Iterator[bytes]:
        yield b"{"
        raise ConnectionResetError(104, "Connection reset by peer")

    error = refuse(device, LyingFetcher(site.published, "timestamp.json", break_off))
    assert isinstance(error, FetchError) and "try again later" in str(error)


def test_slow_retrieval_is_given_up() -> None:
    """A byte every second, for ever."""
    seconds = itertools.count()
    trickle = PatientFetcher(_Trickle(b"."), now_ns=lambda: next(seconds) * clock.NS_PER_S)
    with pytest.raises(SlowRetrievalError, match="1 bytes a second"):
        for _ in trickle.fetch("metadata/timestamp.json"):
            pass
    assert next(seconds) < 2 * PERIOD_S


def test_slowest_radio_is_waited_for() -> None:
    seconds = itertools.count()
    slow = PatientFetcher(_Trickle(bytes(LOWEST_BYTES_PER_S * 2)), now_ns=lambda: next(seconds) * clock.NS_PER_S)
    chunks = itertools.islice(slow.fetch("targets/x"), 1000)
    assert sum(map(len, chunks)) == 2000 * LOWEST_BYTES_PER_S


class _Trickle(Transport):
    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        return itertools.repeat(self._chunk)


def _count_up(signed: Signed) -> None:
    signed.version += 1


def _target(site: Site, kind: str) -> Path:
    return next((site.published / "targets" / kind).iterdir())
