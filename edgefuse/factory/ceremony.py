"""Who may sign: the first keys of a vault, keys in place of others, and signing anew what gets old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api.metadata import DelegatedRole, Delegations, Key, Root, Snapshot, Targets, Timestamp

from edgefuse import clock, disk
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.factory.keyring import Keyring, short_id
from edgefuse.factory.vault import OFFLINE_DAYS, TOP_LEVEL, Vault
from edgefuse.ota.places import FAMILIES, RELEASES, places_of

ROOT_KEYS = 3
ROOT_THRESHOLD = 2
"""One of the root's keys may be lost, and one may be stolen, without harm."""
WARNING_DAYS = 60
"""Time enough to bring the root's keys together."""


def init_vault(folder: Path, keyring: Keyring) -> Vault:
    """Make a vault with a key for every role and three for the root.

    Raises:
        ConfigError: There is one already.
        StoreError: It cannot be written.
    """
    with disk.writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with disk.locked(folder / ".lock"):
            return _init(folder, keyring)


def _init(folder: Path, keyring: Keyring) -> Vault:
    vault = Vault(folder, keyring)
    if vault.version(Root.type):
        raise ConfigError(
            f"cannot make a vault: there is one in {folder}; edgefuse release keys rotate changes its keys"
        )
    root = Root(consistent_snapshot=True)
    for role in TOP_LEVEL:
        for _ in range(ROOT_KEYS if role == Root.type else 1):
            root.add_key(keyring.make(role), role)
    root.roles[Root.type].threshold = ROOT_THRESHOLD
    vault.sign(Root.type, root)
    delegations = Delegations(keys={}, roles={})
    targets = Targets(delegations=delegations)
    for role in (RELEASES, *FAMILIES):
        _delegate(targets, role, keyring.make(role))
    vault.sign(Targets.type, targets)
    for role in (RELEASES, *FAMILIES):
        vault.sign(role, Targets())
    vault.sign_snapshot()
    vault.write()
    return vault


def add_family(vault: Vault, family: str) -> None:
    """Make a role and a key for a family that edgefuse did not know yet when the vault was made.

    Raises:
        EdgefuseError: The key of ``targets`` is not at hand.
    """
    targets = vault.load_targets()
    _delegate(targets, family, vault.keyring.make(family))
    vault.sign(Targets.type, targets)
    vault.sign(family, Targets())


def _delegate(targets: Targets, role: str, key: Key) -> None:
    assert targets.delegations is not None and targets.delegations.roles is not None, "made with both"
    paths = [places_of(role)]
    targets.delegations.roles[role] = DelegatedRole(role, [], threshold=1, terminating=True, paths=paths)
    targets.add_key(key, role)


def find_role(vault: Vault, key_word: str, role: str | None = None) -> tuple[str, Key]:
    """Give the role that a key may sign for, and the key, by the beginning of its id or by what its file is called.

    Args:
        vault: Where it is looked for.
        key_word: What the user calls it.
        role: The only one that is meant.

    Raises:
        ConfigError: No key, or more than one, is called so.
    """
    word = key_word.removesuffix(".pem").rpartition("-")[2]
    roles = [each for each in vault.roles() if role in (None, each)]
    found = [(each, key) for each in roles for key in vault.keys_of(each) if key.keyid.startswith(word)]
    if len(found) != 1 or not word:
        state = f"{len(found)} keys begin so" if found else "no role trusts such a key"
        raise ConfigError(f"cannot find key '{key_word}': {state} (edgefuse release keys list)")
    return found[0]


@dataclass(frozen=True, slots=True)
class Held:
    """One key of one role."""

    role: str
    key: str
    place: str
    """Where its secret is; empty where it is not at hand."""
    threshold: int
    """So many of the role's keys must sign."""
    count: int
    expires: datetime | None
    """End of what the role has signed; nothing for the timestamp, which each publishing signs."""


def list_keys(vault: Vault) -> Iterator[Held]:
    """Name every key of every role."""
    for role in vault.roles():
        keys = vault.keys_of(role)
        expires = None if role == Timestamp.type else vault.expiry(role)
        for key in keys:
            yield Held(role, short_id(key), vault.keyring.locate(key), vault.threshold(role), len(keys), expires)


def replace_key(vault: Vault, role: str, old: Key, new: Key) -> None:
    """Let a role trust one key in place of another, and sign with it what the old one has signed.

    Raises:
        EdgefuseError: Too few keys are at hand for that.
    """
    if role in TOP_LEVEL:
        root = vault.load_root()
        root.revoke_key(old.keyid, role)
        root.add_key(new, role)
        vault.sign(Root.type, root)
    else:
        targets = vault.load_targets()
        targets.revoke_key(old.keyid, role)
        targets.add_key(new, role)
        vault.sign(Targets.type, targets)
    if role not in (Root.type, Snapshot.type, Timestamp.type):
        vault.sign(role, vault.load(role, Targets))
    if role not in (Root.type, Timestamp.type):
        vault.sign_snapshot()


def renew(vault: Vault) -> tuple[str, ...]:
    """Sign anew what has lived half of its year; say for which roles that cannot be done, and why.

    Raises:
        EdgefuseError: The snapshot's key is not at hand.
    """
    late = []
    below = set(vault.roles()).difference(TOP_LEVEL) | {Targets.type}
    half_from_now = clock.wall_now() + timedelta(days=OFFLINE_DAYS // 2)
    for role in vault.roles():
        try:
            if role == Root.type:
                if (root := vault.load_root()).expires < half_from_now:
                    vault.sign(role, root)
            elif role in below and (targets := vault.load(role, Targets)).expires < half_from_now:
                vault.sign(role, targets)
        except EdgefuseError as e:
            late.append(str(e))
    if vault.is_snapshot_behind() or vault.load(Snapshot.type, Snapshot).expires < half_from_now:
        vault.sign_snapshot()
    return tuple(late)


def list_ageing(vault: Vault) -> tuple[str, ...]:
    """Name the roles whose signatures end within two months, with the day; the timestamp's are not meant to last."""
    soon = clock.wall_now() + timedelta(days=WARNING_DAYS)
    ends = {role: vault.expiry(role) for role in vault.roles() if role != Timestamp.type}
    return tuple(f"{role} on {end:%Y-%m-%d}" for role, end in ends.items() if end < soon)


def find_only_key(vault: Vault, role: str) -> Key:
    """Give the key of a role that has one.

    Raises:
        ConfigError: There is no such role, or it has several keys.
    """
    if role not in vault.roles():
        raise ConfigError(f"cannot rotate '{role}': choose from {', '.join(vault.roles())}")
    keys = vault.keys_of(role)
    if len(keys) > 1:
        names = ", ".join(short_id(key) for key in keys)
        raise ConfigError(f"cannot rotate '{role}': it has several keys, so name one of {names}")
    return keys[0]
