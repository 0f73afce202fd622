"""``edgefuse release sign | publish | verify``: what was built becomes what devices trust."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from edgefuse import clock, disk
from edgefuse.cli._release_actions import add_action, add_vault, make_keyring, vault_folder
from edgefuse.cli._words import show_count
from edgefuse.errors import EdgefuseError

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions
    from edgefuse.factory.built import Part
    from edgefuse.ota.repository import OfferedDelta, Repository


def add_actions(actions: Actions) -> None:
    """Add what brings releases to devices."""
    about = "sign a release that was built, and anew what was signed half a year ago"
    sign = add_action(actions, "sign", about, "sign summer", _sign)
    sign.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", help="that build made; without, only renew")
    add_vault(sign)

    about = (
        "bring a folder that a web server serves, or a stick, up to date; again every day, so that devices believe it"
    )
    publish = add_action(actions, "publish", about, "publish /srv/releases", _publish)
    publish.add_argument("folder", metavar="FOLDER", type=Path)
    add_vault(publish)

    about = "do what a device does: trust a root file, verify a release and all of its files"
    verify = add_action(actions, "verify", about, "verify --root root.json https://releases.example", _verify)
    verify.add_argument("source", metavar="URL|FOLDER", help="where releases are published")
    verify.add_argument("release", metavar="ID", nargs="?", help="default: the newest")
    verify.add_argument(
        "--root", metavar="FILE", type=Path, help="that devices are given (default: this machine's own)"
    )


def _sign(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import renew
    from edgefuse.factory.signing import sign_release
    from edgefuse.factory.vault import changing

    with changing(vault_folder(options), make_keyring(options)) as vault:
        release = sign_release(vault, options.folder) if options.folder else None
        late = renew(vault)
        signed = vault.write()
    for reason in late:
        print(f"not renewed: {reason}")
    print(f"signed {', '.join(signed)}" if signed else "everything was signed already, and long enough")
    if release:
        print(f"release {release.id} with counter {release.counter} is in {vault.folder}")
        print("next: edgefuse release publish FOLDER")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import list_ageing
    from edgefuse.factory.publishing import TIMESTAMP_DAYS, publish
    from edgefuse.factory.vault import changing

    with changing(vault_folder(options), make_keyring(options)) as vault:
        publish(vault, options.folder)
        ageing = list_ageing(vault)
    print(f"published to {options.folder}; devices believe that for {TIMESTAMP_DAYS} days, so publish again before")
    for end in ageing:
        print(f"signatures end soon: {end} (edgefuse release sign renews them)", file=sys.stderr)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from edgefuse.ota.fetching import open_fetcher
    from edgefuse.ota.trust import anchor_path, open_repository

    anchor = options.root or anchor_path()
    fetcher = open_fetcher(options.source)
    with tempfile.TemporaryDirectory() as folder:  # as on a device that has seen nothing yet
        state = Path(folder) / "known.json"
        with open_repository(anchor, state, fetcher, clock.wall_now()) as repository:
            _verify_release(repository, options.release or _newest(repository))
    return 0


def _newest(repository: Repository) -> str:
    offers = repository.offers()
    if not offers:
        raise EdgefuseError("cannot verify a release: nothing is published yet")
    return offers[0].id


def _verify_release(repository: Repository, release_id: str) -> None:
    from edgefuse.factory.built import list_parts

    release = repository.load_release(release_id)
    parts = list_parts(release)
    deltas = [(part, delta) for part in parts for delta in repository.list_deltas(part.task, part.file)]
    size_bytes = sum(part.file.size_bytes for part in parts)
    delta_bytes = sum(delta.size_bytes for _, delta in deltas)
    with (
        _verifying_bar(size_bytes + delta_bytes) as bar,
        tempfile.TemporaryDirectory() as folder,
    ):
        for part in parts:
            for chunk in repository.read_file(part.task, part.file):
                bar.update(len(chunk))
        tried = 0
        for part, delta in deltas:
            tried += _verify_delta(repository, part, delta, Path(folder))
            bar.update(delta.size_bytes)
    print(
        f"release {release.id} with counter {release.counter} is what was signed: "
        f"{show_count(len(parts), 'file')}, {show_count(size_bytes, 'byte')}"
    )
    if deltas:
        rest = len(deltas) - tried
        untried = f"; {rest} could not be tried, as what they start from is not published here" if rest else ""
        print(f"{show_count(len(deltas), 'delta')}, {show_count(delta_bytes, 'byte')}: {tried} right{untried}")


def _verifying_bar(total_bytes: int) -> tqdm[NoReturn]:
    return tqdm(total=total_bytes, unit="B", unit_scale=True, desc="verifying", disable=None, leave=False)


def _verify_delta(repository: Repository, part: Part, delta: OfferedDelta, folder: Path) -> bool:
    """Read a delta and rebuild what it leads to; tell whether that could be tried.

    Raises:
        DeltaError: It leads elsewhere.
        TrustError: Other bytes came than those that were signed.
        FetchError: It cannot be had now.
    """
    from edgefuse.ota.delta import rebuild
    from edgefuse.ota.refusal import TrustError

    base, path = folder / "base", folder / "delta"
    disk.write_chunks(path, repository.read_delta(delta))
    try:
        content = repository.read_base(part.task, delta)
    except TrustError:
        return False
    disk.write_chunks(base, content)
    for _ in rebuild(base, path, part.file):
        pass
    return True
