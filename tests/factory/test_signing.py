"""From a built release to one that is signed and published."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.planned import add_fake_variant
from fakes.release_site import Device, Site, make_blanks
from tuf.api.metadata import Targets

from edgefuse import clock
from edgefuse.config.manifest import Variant
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.factory.built import list_parts
from edgefuse.factory.ceremony import init_vault
from edgefuse.factory.publishing import publish
from edgefuse.factory.signing import sign_release
from edgefuse.factory.vault import changing
from edgefuse.ota.delta import add_rebuilt


def test_signing_the_same_release_twice_signs_nothing(site: Site) -> None:
    _, folder = site.build("one", 1, "a")
    with changing(site.vault, site.keyring) as vault:
        sign_release(vault, folder)
        vault.write()
        sign_release(vault, folder)
        assert vault.write() == ()


def test_another_release_of_the_same_id_is_refused(site: Site) -> None:
    site.sign("one", 1, "a")
    (site.folder / "built-one").rename(site.folder / "older")
    with pytest.raises(EdgefuseError, match=r"another one of this id was signed; choose a new id"):
        site.sign("one", 2, "b")


@pytest.mark.parametrize("counter", [1, 2])
def test_counter_that_does_not_rise_is_refused(site: Site, counter: int) -> None:
    site.sign("one", 2, "a")
    with pytest.raises(EdgefuseError, match=r"its counter is \d, and 2 was signed before; give it 3 or more"):
        site.sign("two", counter, "b")


def test_only_families_with_new_files_sign(site: Site) -> None:
    site.sign("one", 1, "a")
    _, folder = site.build("two", 2, "a")
    with changing(site.vault, site.keyring) as vault:
        sign_release(vault, folder)
        assert vault.write() == ("releases", "snapshot")


def test_family_that_is_new_to_a_vault_gets_a_role(site: Site, tmp_path: Path) -> None:
    """As after an upgrade to an edgefuse that knows one task more."""
    with site.changing() as vault:
        targets = vault.load_targets()
        assert targets.delegations is not None and targets.delegations.roles is not None
        del targets.delegations.roles["detect_faces"]
        vault.sign("targets", targets)
        vault.sign_snapshot()
        del vault.versions["detect_faces"]
    site.release("one", 1, "a")
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


@pytest.mark.parametrize("change", ["content", "missing", "longer"])
def test_damaged_build_is_refused_and_nothing_is_signed(site: Site, change: str) -> None:
    _, folder = site.build("one", 1, "a")
    (path,) = (folder / "models/detect_faces").iterdir()
    content = {"content": bytes(path.stat().st_size), "missing": None, "longer": path.read_bytes() + b"."}[change]
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot (use|read) "):
        site.sign_built(folder)
    with changing(site.vault, site.keyring) as vault:
        assert not vault.load("releases", Targets).targets


def test_publishing_again_only_signs_that_it_is_the_newest(site: Site, tmp_path: Path) -> None:
    site.release("one", 1, "a")
    before = {path: path.stat().st_ino for path in site.published.rglob("*") if path.is_file()}
    site.publish()
    after = {path: path.stat().st_ino for path in site.published.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == {"timestamp.json"}
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


def test_two_folders_of_one_vault_never_offer_an_older_timestamp(site: Site, tmp_path: Path) -> None:
    """A device that was fed from a stick goes on from the web server."""
    site.release("one", 1, "a")
    device = Device(tmp_path / "device", site.anchor)
    with changing(site.vault, site.keyring) as vault:
        for name in ("stick", "published", "stick", "published"):
            publish(vault, site.folder / name)
            assert device.install(site.folder / name, "one").id == "one"


def test_folder_of_another_vault_is_refused(site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other")
    init_vault(other.vault, other.keyring)
    site.publish()
    with changing(other.vault, other.keyring) as vault, pytest.raises(EdgefuseError, match="of another vault"):
        publish(vault, site.published)


def test_publishing_that_broke_off_leaves_what_was_published(site: Site, tmp_path: Path) -> None:
    """Everything new is there but the timestamp: devices still see the old state, whole."""
    site.release("one", 1, "a")
    timestamp = (site.metadata / "timestamp.json").read_bytes()
    site.release("two", 2, "b")
    (site.metadata / "timestamp.json").write_bytes(timestamp)
    device = Device(tmp_path / "device", site.anchor)
    assert device.install(site.published, "one").id == "one"
    with pytest.raises(EdgefuseError):
        device.install(site.published, "two")


@pytest.mark.parametrize("left", range(4))
def test_signing_that_broke_off_counts_nothing(site: Site, tmp_path: Path, left: int) -> None:
    """Power fails after so many of the new files; what is published then is what was published before."""
    site.release("one", 1, "a")
    device = Device(tmp_path / "device", site.anchor)
    before = {path: path.read_bytes() for path in site.vault.rglob("*") if path.is_file()}
    site.sign("two", 2, "b")
    new = sorted(path for path in (site.vault / "metadata").iterdir() if path not in before)
    for path in new[left:]:
        path.unlink()
    (site.vault / "versions.json").write_bytes(before[site.vault / "versions.json"])
    site.publish()
    assert device.install(site.published, "one").id == "one"
    site.release("other", 2, "c")
    assert device.install(site.published, "other").id == "other"


def variant(site: Site, change: int) -> Variant:
    """A model that is a little different for each change."""
    return add_fake_variant(site.store, "a", blanks=make_blanks(change))


def list_published(site: Site) -> dict[str, int]:
    """Give size by name of everything that detectors consist of, as a web server has it."""
    return {path.name: path.stat().st_size for path in (site.published / "targets/models/detect_faces").iterdir()}


def test_deltas_are_signed_and_published_beside_their_files(site: Site, tmp_path: Path) -> None:
    one = site.release("one", 1, variant(site, 1))
    two = site.release("two", 2, variant(site, 2), bases=[one])
    (old,), (new,) = ([part.file for part in list_parts(release)] for release in (one, two))
    published = list_published(site)
    assert published.keys() == {old.sha256, new.sha256, f"{new.sha256}.from.{old.sha256}"}
    device = Device(tmp_path / "device", site.anchor)
    device.install(site.published, "one")
    with device.open(site.published, clock.wall_now()) as repository:
        (delta,) = repository.list_deltas("detect_faces", new)
        path = tmp_path / "delta"
        path.write_bytes(b"".join(repository.read_delta(delta)))
    add_rebuilt(device.store, delta.base_sha256, path, new)
    assert path.stat().st_size < new.size_bytes / 10


def test_deltas_can_follow_when_the_release_was_signed_before(site: Site) -> None:
    one = site.release("one", 1, variant(site, 1))
    site.release("two", 2, variant(site, 2))
    assert len(list_published(site)) == 2
    (site.folder / "built-two").rename(site.folder / "without")
    _, folder = site.build("two", 2, variant(site, 2), bases=[one])
    with changing(site.vault, site.keyring) as vault:
        sign_release(vault, folder)
        assert vault.write() == ("detect_faces", "snapshot")
        sign_release(vault, folder)
        assert vault.write() == ()
        publish(vault, site.published)
    assert len(list_published(site)) == 3


def test_delta_that_was_signed_is_never_replaced(site: Site) -> None:
    """Another version of zstd may make another one from the same files; devices may be fetching the first."""
    one = site.release("one", 1, variant(site, 1))
    site.release("two", 2, variant(site, 2), bases=[one])
    (published,) = (site.published / "targets/models").rglob("*.from.*")
    content = published.read_bytes()
    (built,) = (site.folder / "built-two").rglob("*.from.*")
    built.write_bytes(content + b"another end")
    site.sign_built(site.folder / "built-two")
    site.publish()
    assert published.read_bytes() == content


def test_only_the_newest_three_releases_keep_their_deltas(site: Site) -> None:
    before, marks = site.release("one", 1, variant(site, 1)), {}
    for counter in range(2, 6):
        before = site.release(f"v{counter}", counter, variant(site, counter), bases=[before])
        (marks[counter],) = (part.file.sha256 for part in list_parts(before))
    published = list_published(site)
    assert len([name for name in published if ".from." not in name]) == 5
    assert {name.partition(".from.")[0] for name in published if ".from." in name} == {marks[i] for i in (3, 4, 5)}
    assert not list((site.vault / "targets").rglob(f"{marks[2]}.from.*"))


def test_publishing_brings_back_what_was_changed_in_the_folder(site: Site, tmp_path: Path) -> None:
    site.release("one", 1, "a")
    for path in (site.published / "targets").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(EdgefuseError, match="which was not signed; its publisher brings the right one back"):
        Device(tmp_path / "device", site.anchor).install(site.published, "one")
    site.publish()
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


def test_damaged_vault_publishes_nothing_new(site: Site, tmp_path: Path) -> None:
    site.release("one", 1, "a")
    (path,) = (site.vault / "targets/models/detect_faces").iterdir()
    path.write_bytes(bytes(path.stat().st_size))
    site.publish()  # what is published is still right
    with (
        changing(site.vault, site.keyring) as vault,
        pytest.raises(StoreError, match=r"it is not what was signed; restore the vault from its copy"),
    ):
        publish(vault, tmp_path / "stick")


def test_secret_keys_are_never_published(site: Site) -> None:
    site.release("one", 1, "a")
    secrets = [path.read_bytes() for path in (site.vault / "keys").iterdir()]
    assert not [path for path in site.published.rglob("*") if path.is_file() and path.read_bytes() in secrets]
    assert not list(site.published.rglob("*.pem"))
