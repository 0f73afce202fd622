"""What a verified repository offers: releases, their descriptions, and model files that somebody vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import FetcherInterface, Updater

from edgefuse.config.manifest import ModelFile
from edgefuse.errors import FetchError
from edgefuse.ota.places import RELEASES, TARGETS, file_place, release_place
from edgefuse.ota.refusal import TrustError, telling
from edgefuse.store.release import Release, ReleaseId, decode_release

DESCRIPTION_LIMIT_BYTES = 4 << 20  # that of release 0 takes 110 kB


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that a repository has."""

    id: str
    counter: int


class Repository:
    """A repository whose newest metadata is verified, while it is open."""

    def __init__(self, updater: Updater, fetcher: FetcherInterface, scratch: Path) -> None:
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
            listed = Metadata[Targets].from_file(str(self._scratch / f"{RELEASES}.json")).signed
        offers = [_read_offer(place, target) for place, target in listed.targets.items()]
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
        release = decode_release(b"".join(self._read(place, target)), place)
        if (release.id, release.counter) != (release_id, _read_offer(place, target).counter):
            raise TrustError(f"cannot use {place}: it describes release {release.id} with counter {release.counter}")
        return release

    def read_file(self, task: str, file: ModelFile) -> Iterator[bytes]:
        """Give a model file of a family piece by piece; what was given counts only once the end is reached.

        Raises:
            TrustError: Nobody who may do so vouches for it, or other bytes came.
            FetchError: It cannot be had now.
        """
        return self._read(*self._vouch(task, file))

    def vouch(self, task: str, file: ModelFile) -> str:
        """Give the place of a model file, for who fetches it in another way, once its family vouches for it.

        Raises:
            TrustError: Nobody who may do so vouches for it.
            FetchError: Its family's metadata cannot be had now.
        """
        return TARGETS + self._vouch(task, file)[0]

    def _vouch(self, task: str, file: ModelFile) -> tuple[str, TargetFile]:
        place = file_place(task, file.sha256)
        target = self._find(place)
        if target.hashes.get("sha256") != file.sha256 or target.length != file.size_bytes:
            raise TrustError(f"cannot use {file.name}: its family vouches for other bytes in its place ({place})")
        return place, target

    def _find(self, place: str) -> TargetFile:
        with telling(f"find {place}"):
            target = self._updater.get_targetinfo(place)
        if target is None:
            raise TrustError(f"cannot use {place}: nobody who may do so vouches for it")
        return target

    def _read(self, place: str, target: TargetFile) -> Iterator[bytes]:
        digest, seen_bytes = hashlib.sha256(), 0
        with telling(f"fetch {place}"):
            for chunk in self._fetcher.fetch(TARGETS + place):
                seen_bytes += len(chunk)
                if seen_bytes > target.length:
                    raise TrustError(
                        f"cannot use {place}: it is longer than the {target.length} bytes that were signed"
                    )
                digest.update(chunk)
                yield chunk
        if seen_bytes < target.length:
            raise FetchError(f"cannot fetch {place}: {seen_bytes} of {target.length} bytes came; try again later")
        if digest.hexdigest() != target.hashes.get("sha256"):
            raise TrustError(f"cannot use {place}: its sha256 is {digest.hexdigest()}, which was not signed")


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
