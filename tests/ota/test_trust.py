"""A device and a site that mean well: what is published arrives, keys may change, clocks may be wrong."""

import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta, timezone

import pytest
from fakes.model_files import model_file, variant
from fakes.release_site import Device, Site

from edgefuse import clock
from edgefuse.errors import StoreError
from edgefuse.factory.ceremony import find_only_key, replace_key
from edgefuse.factory.publishing import sign_timestamp
from edgefuse.ota.fetching import FolderFetcher
from edgefuse.ota.refusal import TrustError
from edgefuse.ota.repository import Offer
from edgefuse.store.terms import Gates

IN_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)
IN_2099 = datetime(2099, 1, 1, tzinfo=timezone.utc)


def test_release_arrives_with_its_files_and_terms(site: Site, device: Device) -> None:
    sent = site.release("two", 2, "a", "b", gates=Gates(rate_floor_hz=12), settings={"anonymise": {"method": "blur"}})
    assert device.install(site.published, "two") == sent
    assert len(device.store.blobs()) == 2
    assert all(device.store.is_intact(sha256) for sha256 in device.store.blobs())


def test_newest_release_is_offered_first(site: Site, device: Device) -> None:
    site.release("two", 2, "b")
    with device.open(site.published, clock.wall_now()) as repository:
        assert repository.offers() == (Offer("two", 2), Offer("one", 1))


def test_who_has_the_beginning_of_a_file_is_given_the_rest_alone(site: Site, device: Device) -> None:
    with device.open(site.published, clock.wall_now()) as repository:
        file = repository.load_release("one").manifests[0].variants[0].files[0]
        whole = b"".join(repository.read_file("detect_faces", file))
        assert b"".join(repository.read_file("detect_faces", file, [whole[:20], whole[20:50]])) == whole[50:]
        assert b"".join(repository.read_file("detect_faces", file, [whole])) == b""


@pytest.mark.parametrize("begin", [b"something else", b"something else that is longer than the whole file" * 9])
def test_a_beginning_of_another_file_is_refused(site: Site, device: Device, begin: bytes) -> None:
    with device.open(site.published, clock.wall_now()) as repository:
        file = repository.load_release("one").manifests[0].variants[0].files[0]
        with pytest.raises(TrustError, match=r"which was not signed|longer than the"):
            for _ in repository.read_file("detect_faces", file, [begin]):
                pass


def test_a_family_vouches_for_its_own_files_alone(site: Site, device: Device) -> None:
    with device.open(site.published, clock.wall_now()) as repository:
        file = repository.load_release("one").manifests[0].variants[0].files[0]
        with pytest.raises(TrustError, match="nobody who may do so vouches for it"):
            repository.read_file("embed_faces", file)


def test_identical_content_under_a_new_number_needs_no_new_file(site: Site, device: Device) -> None:
    first = device.install(site.published, "one")
    site.release("again", 2, "a")
    blobs = device.store.blobs()
    again = device.install(site.published, "again")
    assert again.manifests == first.manifests
    assert device.store.blobs() == blobs


def test_asking_twice_writes_nothing_the_second_time(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    before = device.state.stat().st_ino
    device.install(site.published, "one")
    assert device.state.stat().st_ino == before


def test_what_was_verified_is_written_once(site: Site, device: Device) -> None:
    with device.open(site.published, clock.wall_now()):
        written = device.state.stat().st_ino
    assert device.state.stat().st_ino == written


def test_device_without_a_clock_takes_what_is_young_enough_for_what_it_has_seen(site: Site, device: Device) -> None:
    with device.open(site.published, None) as repository:
        assert repository.offers()
    with device.open(site.published, IN_1970) as repository:
        assert repository.offers()


def test_clock_at_1970_does_not_bring_old_metadata_back(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    old_days = clock.wall_now() - timedelta(days=30)
    key = site.keys_of("timestamp")[0]

    def expire(timestamp: object) -> None:
        timestamp.expires, timestamp.version = old_days.replace(microsecond=0), timestamp.version + 1
        timestamp.unrecognized_fields.clear()

    site.forge("timestamp", expire, key)
    before = device.content()
    with pytest.raises(TrustError, match=r"timestamp\.json is expired"), device.open(site.published, IN_1970):
        pass
    assert device.content() == before


def test_clock_at_2099_blocks_nothing_once_it_is_right_again(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    before = device.content()
    with (
        pytest.raises(TrustError, match="unless the clock of this device is wrong"),
        device.open(site.published, IN_2099),
    ):
        pass
    assert device.content() == before
    assert device.install(site.published, "one").id == "one"


def test_wrong_clock_of_the_signer_does_not_become_the_floor_of_devices(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    key = site.keys_of("timestamp")[0]

    def date_2099(timestamp: object) -> None:
        timestamp.expires, timestamp.version = IN_2099 + timedelta(days=3), timestamp.version + 1
        timestamp.unrecognized_fields["x-edgefuse-signed-at"] = clock.to_iso(IN_2099)

    site.forge("timestamp", date_2099, key)
    before = device.content()
    with pytest.raises(TrustError, match=r"signed on 2099-01-01.*clock of the machine that signs"):
        device.install(site.published, "one")
    assert device.content() == before


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "releases", "detect_faces"])
def test_rotated_key_is_followed_and_the_old_one_counts_no_longer(site: Site, device: Device, role: str) -> None:
    device.install(site.published, "one")
    old = site.keys_of(role)[0]
    with site.changing() as vault:
        replace_key(vault, role, old, vault.keyring.make(role))
    site.release("two", 2, "b")
    assert device.install(site.published, "two").id == "two"
    assert old not in site.keys_of(role)
    if role == "root":
        return  # one of three that is no longer in the root signs nothing that anybody looks at
    site.forge(role, lambda signed: setattr(signed, "spec_version", "1.0.30"), old)
    fresh = Device(device.folder.with_name("fresh"), site.anchor)
    with pytest.raises(TrustError, match="too few of the keys"):
        fresh.install(site.published, "two")


def test_device_that_slept_through_many_rotations_finds_the_way(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    for _ in range(5):
        with site.changing() as vault:
            replace_key(vault, "root", vault.keys_of("root")[0], vault.keyring.make("root"))
    site.publish()
    assert device.install(site.published, "one").id == "one"


def test_end_of_an_old_key_is_kept_even_if_what_follows_is_refused(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    before = site.keep("before")
    with site.changing() as vault:
        replace_key(vault, "timestamp", find_only_key(vault, "timestamp"), vault.keyring.make("timestamp"))
    site.publish()
    timestamp = (site.metadata / "timestamp.json").read_bytes()
    (site.metadata / "timestamp.json").write_bytes(timestamp[:-40])
    with pytest.raises(TrustError):
        device.install(site.published, "one")
    with pytest.raises(TrustError, match="too few of the keys"):
        device.install(before, "one")  # hides the new root, and has an old timestamp


def test_stolen_timestamp_key_that_counted_far_ahead_is_cured_by_rotation(site: Site, device: Device) -> None:
    key = site.keys_of("timestamp")[0]
    site.forge("timestamp", lambda timestamp: setattr(timestamp, "version", 1_000_000), key)
    device.install(site.published, "one")
    (site.metadata / "timestamp.json").unlink()
    with site.changing() as vault:
        replace_key(vault, "timestamp", key, vault.keyring.make("timestamp"))
    site.publish()
    assert device.install(site.published, "one").id == "one"


def test_timestamp_is_renewed_with_its_key_alone(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    for path in (site.vault / "keys").iterdir():
        if not path.name.startswith("timestamp-"):
            path.unlink()
    sign_timestamp(site.published, site.keyring)
    assert device.install(site.published, "one").id == "one"


def test_broken_memory_is_kept_aside_and_no_end_of_updates(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    broken = device.state.read_bytes()[:100]
    device.state.write_bytes(broken)
    assert device.install(site.published, "one").id == "one"
    assert [path.read_bytes() for path in device.state.parent.glob("known.json.broken-*")] == [broken]


def test_memory_of_a_newer_edgefuse_is_refused_with_what_to_do(site: Site, device: Device) -> None:
    device.install(site.published, "one")
    device.state.write_bytes(device.state.read_bytes().replace(b'"v":1', b'"v":2', 1))
    before = device.content()
    with pytest.raises(StoreError, match=r"it has form 2, this edgefuse reads 1 \(update edgefuse\)"):
        device.install(site.published, "one")
    assert device.content() == before


def test_root_file_of_another_site_begins_anew(
    site: Site, device: Device, tmp_path_factory: pytest.TempPathFactory
) -> None:
    device.install(site.published, "one")
    other = Site(tmp_path_factory.mktemp("other"))
    other.start()
    moved = Device(device.folder, other.anchor)
    assert moved.install(other.published, "one").id == "one"


def test_state_that_cannot_be_written_is_told(site: Site, device: Device) -> None:
    device.folder.mkdir()
    device.state.parent.write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot write"), device.open(site.published, clock.wall_now()):
        pass


def test_missing_root_file_is_told_with_what_to_do(site: Site, device: Device) -> None:
    nobody = Device(device.folder, device.folder / "root.json")
    with pytest.raises(StoreError, match=r"cannot read the pinned root file .* copy the one of your site"):
        nobody.install(site.published, "one")
    assert not device.folder.exists()


def test_memory_stays_small_whatever_the_size(
    site: Site, device: Device, tmp_path_factory: pytest.TempPathFactory
) -> None:
    size_bytes = 32 << 20
    file = model_file(bytes(size_bytes))
    site.store.add((bytes(1 << 20) for _ in range(32)), file)
    site.release("large", 2, variant(file))
    with device.open(FolderFetcher(site.published), clock.wall_now()) as repository:
        tracemalloc.start()
        seen_bytes = sum(len(chunk) for chunk in repository.read_file("detect_faces", file))
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seen_bytes == size_bytes
    assert peak_bytes < 1 << 20


def test_trust_needs_no_pixels() -> None:
    code = "import sys, edgefuse.ota.trust; sys.exit(any(m in sys.modules for m in ('numpy', 'cv2', 'av')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
