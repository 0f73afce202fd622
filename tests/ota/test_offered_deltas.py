"""Deltas that a repository offers: which a device hears of, and that nobody can slip one in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.planned import add_fake_variant
from fakes.release_site import Device, Site, make_blanks
from tuf.api.metadata import TargetFile, Targets

from edgefuse import clock
from edgefuse.config.manifest import ModelFile
from edgefuse.errors import FetchError
from edgefuse.ota.delta import DeltaError, rebuild
from edgefuse.ota.places import delta_place
from edgefuse.ota.refusal import TrustError
from edgefuse.ota.repository import OfferedDelta
from edgefuse.store.release import Release


@pytest.fixture
def releases(site: Site) -> list[Release]:
    """Three releases of a model that changes a little, the last with deltas from both others."""
    made: list[Release] = []
    for counter in (2, 3, 4):
        blanks = make_blanks(counter) + make_blanks(8 if counter == 2 else 9)  # the first has less in common
        made.append(
            site.release(f"v{counter}", counter, add_fake_variant(site.store, "a", blanks=blanks), bases=tuple(made))
        )
    return made


def file_of(release: Release) -> ModelFile:
    return release.manifests[0].variants[0].files[0]


def list_deltas(site: Site, device: Device, release: Release) -> tuple[OfferedDelta, ...]:
    with device.open(site.published, clock.wall_now()) as repository:
        return repository.list_deltas("detect_faces", file_of(release))


def test_deltas_are_listed_the_smallest_first(site: Site, device: Device, releases: list[Release]) -> None:
    first, second, last = releases
    deltas = list_deltas(site, device, last)
    assert [delta.base_sha256 for delta in deltas] == [file_of(second).sha256, file_of(first).sha256]
    assert deltas[0].size_bytes < deltas[1].size_bytes
    assert list_deltas(site, device, first) == ()
    for delta in deltas:
        assert (site.published / "targets" / delta.place).stat().st_size == delta.size_bytes


def test_base_is_read_where_the_repository_has_it(site: Site, device: Device, releases: list[Release]) -> None:
    with device.open(site.published, clock.wall_now()) as repository:
        delta = repository.list_deltas("detect_faces", file_of(releases[2]))[0]
        assert len(b"".join(repository.read_base("detect_faces", delta))) == file_of(releases[1]).size_bytes
        with pytest.raises(TrustError, match="nobody who may do so vouches for it"):
            repository.read_base("embed_faces", delta)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda content: bytes(len(content)), TrustError),
        (lambda content: content + b".", TrustError),
        (lambda content: content[:-1], FetchError),
    ],
)
def test_delta_that_was_not_signed_is_refused(
    site: Site, device: Device, releases: list[Release], *, change: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    delta = list_deltas(site, device, releases[2])[0]
    path = site.published / "targets" / delta.place
    path.write_bytes(change(path.read_bytes()))
    with device.open(site.published, clock.wall_now()) as repository, pytest.raises(error):
        list(repository.read_delta(delta))


def test_signed_delta_that_leads_elsewhere_makes_nothing(
    site: Site, device: Device, releases: list[Release], tmp_path: Path
) -> None:
    """Who has a family's key swaps two deltas: the hash of the whole file stands in the description, too."""
    first, second, last = map(file_of, releases)
    places = [delta_place("detect_faces", last.sha256, base.sha256) for base in (first, second)]

    def swap(listed: Targets) -> None:
        a, b = (listed.targets[place] for place in places)
        listed.targets.update({places[0]: b, places[1]: a})

    site.forge_list("detect_faces", swap)
    paths = [site.published / "targets" / place for place in places]
    for path, content in zip(paths, [path.read_bytes() for path in reversed(paths)], strict=True):
        path.write_bytes(content)
    device.install(site.published, "v2")
    with device.open(site.published, clock.wall_now()) as repository:
        delta = next(d for d in repository.list_deltas("detect_faces", last) if d.base_sha256 == first.sha256)
        (tmp_path / "delta").write_bytes(b"".join(repository.read_delta(delta)))
    with pytest.raises(DeltaError):
        list(rebuild(device.store.path(first.sha256), tmp_path / "delta", last))


@pytest.mark.parametrize("name", ["..%2Fcurrent", "A" * 64, "0" * 63, "0" * 64 + ".from." + "0" * 64, ""])
def test_delta_from_what_is_no_blob_is_not_listed(
    site: Site, device: Device, releases: list[Release], name: str
) -> None:
    before = list_deltas(site, device, releases[2])
    place = delta_place("detect_faces", file_of(releases[2]).sha256, name)
    forged = TargetFile(1, {"sha256": "0" * 64}, place)
    site.forge_list("detect_faces", lambda listed: listed.targets.update({place: forged}))
    assert list_deltas(site, device, releases[2]) == before


def test_delta_that_is_no_smaller_than_its_file_is_not_listed(
    site: Site, device: Device, releases: list[Release]
) -> None:
    file = file_of(releases[0])
    place = delta_place("detect_faces", file.sha256, "0" * 64)
    forged = TargetFile(file.size_bytes, {"sha256": "0" * 64}, place)
    site.forge_list("detect_faces", lambda listed: listed.targets.update({place: forged}))
    assert list_deltas(site, device, releases[0]) == ()


def test_delta_of_another_family_is_not_listed(site: Site, device: Device, releases: list[Release]) -> None:
    place = delta_place("detect_faces", file_of(releases[0]).sha256, "0" * 64)
    forged = TargetFile(1, {"sha256": "0" * 64}, place)
    site.forge_list("embed_faces", lambda listed: listed.targets.update({place: forged}))
    assert list_deltas(site, device, releases[0]) == ()
