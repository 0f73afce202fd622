"""What a verified repository offers: releases, their descriptions, and model files that somebody vouches for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import Updater

from edgefuse.config.manifest import ModelFile
from edgefuse.ota.fetching import Transport
from edgefuse.ota.places import RELEASES, TARGETS, delta_place, file_place, release_place
from edgefuse.ota.refusal import AbsentError, TrustError, telling
from edgefuse.store.release import Release, ReleaseId, decode_release

DESCRIPTION_LIMIT_BYTES = 4 << 20  # that of release 0 takes 110 kB


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that a repository has."""

    id: str
    counter: int


@dataclass(frozen=True, slots=True)
class OfferedDelta:
    """A delta that a repository has, and for which the family of the file that it leads to vouches."""

    base_sha256: str
    place: str
    """Among the targets."""
    size_bytes: int
    sha256: str
    """Of the delta itself."""


class Repository:
    """A repository whose newest metadata is verified, while it is open."""

    def __init__(self, updater: Updater, fetcher: Transport, scratch: Path) -> None:
        """Take over what ``edgefuse.ota.trust.open_repository`` has prepared.

        Args:
            updater: Has been refreshed.
            fetcher: Brings the targets.
            scratch: Folder in which the updater keeps verified metadata.
        """
        self._updater = updater
        self._fetcher = fetcher
        self._scratch = scratch

    def offers(self) -> tuple[Offer, ...]:
        """List the releases, the newest first.

        Raises:
            TrustError: The list is not signed by who may say so.
            FetchError: It cannot be had now.
        """
        with telling("list releases"):
            self._updater.get_targetinfo(release_place("*"))  # no release is called so; this brings the role's metadata
            listed = self._load_listed(RELEASES)
        offers = [_read_offer(place, target) for place, target in listed.items()]
        return tuple(sorted(offers, key=lambda offer: (-offer.counter, offer.id)))

    def load_release(self, release_id: str) -> Release:
        """Give a release's description.

        Raises:
            TrustError: Nobody who may do so vouches for it.
            FetchError: It cannot be had now.
            StoreError: This edgefuse cannot read it.
        """
        place = release_place(release_id)
        target = self._find(place)
        if target.length > DESCRIPTION_LIMIT_BYTES:
            raise TrustError(f"cannot use {place}: it has {target.length} bytes, {DESCRIPTION_LIMIT_BYTES} are allowed")
        release = decode_release(b"".join(self._read(place, target.length, _sha256(target))), place)
        if (release.id, release.counter) != (release_id, _read_offer(place, target).counter):
            raise TrustError(f"cannot use {place}: it describes release {release.id} with counter {release.counter}")
        return release

    def read_file(self, task: str, file: ModelFile, begin: Iterable[bytes] = ()) -> Iterator[bytes]:
        """Give a model file of a family piece by piece; what was given counts only once the end is reached.

        Args:
            task: Names the family.
            file: Says what it must be.
            begin: What is here of it already, and is not given again.

        Raises:
            TrustError: Nobody who may do so vouches for it, or other bytes came, now or before.
            FetchError: It cannot be had now.
        """
        return self._read(self._vouch(task, file), file.size_bytes, file.sha256, begin)

    def list_deltas(self, task: str, file: ModelFile) -> tuple[OfferedDelta, ...]:
        """List the deltas that lead to a model file and are smaller than it, the smallest first.

        Raises:
            TrustError: Nobody who may do so vouches for the file.
            FetchError: Its family's metadata cannot be had now.
        """
        self._vouch(task, file)
        with telling(f"list deltas to {file.name}"):
            listed = self._load_listed(task)
        form = re.escape(delta_place(task, file.sha256, "")) + "([0-9a-f]{64})"  # anything else would name no blob
        deltas = [
            OfferedDelta(match[1], place, target.length, _sha256(target))
            for place, target in listed.items()
            if (match := re.fullmatch(form, place)) and target.length < file.size_bytes
        ]
        return tuple(sorted(deltas, key=lambda delta: (delta.size_bytes, delta.base_sha256)))

    def read_delta(self, delta: OfferedDelta, begin: Iterable[bytes] = ()) -> Iterator[bytes]:
        """Give a delta piece by piece; what was given counts only once the end is reached.

        Args:
            delta: Says what it must be.
            begin: What is here of it already, and is not given again.

        Raises:
            TrustError: Other bytes came than those that were signed, now or before.
            FetchError: It cannot be had now.
        """
        return self._read(delta.place, delta.size_bytes, delta.sha256, begin)

    def read_base(self, task: str, delta: OfferedDelta) -> Iterator[bytes]:
        """Give the file that a delta starts from, as ``read_file`` does.

        Raises:
            TrustError: The repository does not have it, or other bytes came.
            FetchError: It cannot be had now.
        """
        place = file_place(task, delta.base_sha256)
        return self._read(place, self._find(place).length, delta.base_sha256)

    def _load_listed(self, role: str) -> dict[str, TargetFile]:
        """Give what a role vouches for, by place; its metadata was asked for before."""
        return Metadata[Targets].from_file(str(self._scratch / f"{role}.json")).signed.targets

    def _vouch(self, task: str, file: ModelFile) -> str:
        place = file_place(task, file.sha256)
        target = self._find(place)
        if _sha256(target) != file.sha256 or target.length != file.size_bytes:
            raise TrustError(f"cannot use {file.name}: its family vouches for other bytes in its place ({place})")
        return place

    def _find(self, place: str) -> TargetFile:
        with telling(f"find {place}"):
            target = self._updater.get_targetinfo(place)
        if target is None:
            raise TrustError(f"cannot use {place}: nobody who may do so vouches for it")
        return target

    def _read(self, place: str, size_bytes: int, sha256: str, begin: Iterable[bytes] = ()) -> Iterator[bytes]:
        digest, seen_bytes = hashlib.sha256(), 0
        for chunk in begin:
            digest.update(chunk)
            seen_bytes += len(chunk)
        if seen_bytes < size_bytes:
            with telling(f"fetch {place}"):
                for chunk in self._fetcher.fetch_from(TARGETS + place, seen_bytes):
                    seen_bytes += len(chunk)
                    if seen_bytes > size_bytes:
                        break
                    digest.update(chunk)
                    yield chunk
        if seen_bytes > size_bytes:
            raise TrustError(f"cannot use {place}: it is longer than the {size_bytes} bytes that were signed")
        if seen_bytes < size_bytes:
            raise AbsentError(f"cannot fetch {place}: {seen_bytes} of {size_bytes} bytes came; try again later")
        if digest.hexdigest() != sha256:
            raise TrustError(
                f"cannot use {place}: its sha256 is {digest.hexdigest()}, which was not signed; its publisher brings "
                "the right one back with edgefuse release publish"
            )


def _sha256(target: TargetFile) -> str:
    """Give the hash that was signed; another one than sha256 is none."""
    return target.hashes.get("sha256", "")


def _read_offer(place: str, target: TargetFile) -> Offer:
    """Read what the list says of a release.

    Raises:
        TrustError: It does not say its counter, or has a name that is none.
    """
    counter = target.custom.get("counter") if isinstance(target.custom, dict) else None
    if type(counter) is not int:  # true would count as 1
        raise TrustError(f"cannot use {place}: the list of releases does not say its counter")
    try:
        release_id = msgspec.convert(place.removeprefix(f"{RELEASES}/").removesuffix(".json"), ReleaseId)
    except msgspec.ValidationError as e:
        raise TrustError(f"cannot use {place}: no release can be called so") from e
    return Offer(release_id, counter)
