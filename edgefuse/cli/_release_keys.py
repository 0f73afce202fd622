"""``edgefuse release keys init | list | rotate | revoke``: who may sign."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edgefuse.cli._release_actions import add_action, add_vault, make_keyring, vault_folder
from edgefuse.cli._unit import format_table
from edgefuse.errors import EdgefuseError

if TYPE_CHECKING:
    from tuf.api.metadata import Key

    from edgefuse.cli._group import Actions
    from edgefuse.factory.vault import Vault


def add_actions(actions: Actions) -> None:
    """Add what makes and ends trust."""
    about = "make a vault and the keys that sign, show them, and put others in their place"
    keys = actions.add_parser("keys", help=about, description=about)
    inner = keys.add_subparsers(metavar="ACTION", required=True)

    add_vault(add_action(inner, "init", "make a vault with its first keys", "keys init", _init))
    add_vault(add_action(inner, "list", "show who may sign, until when, and which keys are here", "keys list", _list))

    rotate = add_action(inner, "rotate", "put a new key in place of a role's key", "keys rotate detect_faces", _rotate)
    rotate.add_argument("role", metavar="ROLE", help="root, targets, snapshot, timestamp, releases, or a task")
    rotate.add_argument("key", metavar="KEY", nargs="?", help="to be replaced, where the role has several")
    _add_token(rotate)
    add_vault(rotate)

    about = "trust a key that was lost or stolen no longer, and put a new one in its place"
    revoke = add_action(inner, "revoke", about, "keys revoke releases-1f6d0c2a9b7e", _revoke)
    revoke.add_argument("key", metavar="KEY")
    _add_token(revoke)
    add_vault(revoke)


def _add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token", metavar="hsm:2?label=NAME", help="a hardware key in its place; PYKCS11LIB names its PKCS#11 library"
    )


def _init(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import ROOT_KEYS, ROOT_THRESHOLD, init_vault

    vault = init_vault(vault_folder(options), make_keyring(options))
    print(f"made a vault in {vault.folder}")
    print(f"root.json for devices: {vault.metadata / '1.root.json'}")
    print(f"now move the {ROOT_KEYS} files keys/root-*.pem to {ROOT_KEYS} media, each to another place;")
    print(f"{ROOT_THRESHOLD} of them change who may sign, and nothing else needs them")
    print("next: edgefuse release build RECIPE FOLDER, then sign and publish")
    return 0


def _list(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import list_keys
    from edgefuse.factory.vault import changing

    with changing(vault_folder(options), make_keyring(options)) as vault:
        rows = [("role", "key", "secret", "takes", "signed until")]
        for held in list_keys(vault):
            count = f"{held.threshold} of {held.count}"
            until = f"{held.expires:%Y-%m-%d}" if held.expires else "published anew each time"
            rows.append((held.role, held.key, held.place or "not here", count, until))
    print(format_table(rows))
    return 0


def _rotate(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import find_only_key, find_role
    from edgefuse.factory.vault import changing

    with changing(vault_folder(options), make_keyring(options)) as vault:
        old = find_role(vault, options.key, options.role)[1] if options.key else find_only_key(vault, options.role)
        _replace(vault, options.role, old, options.token)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    from edgefuse.factory.ceremony import find_role
    from edgefuse.factory.vault import changing

    with changing(vault_folder(options), make_keyring(options)) as vault:
        role, old = find_role(vault, options.key)
        _replace(vault, role, old, options.token)
    print("devices believe the old key until they have seen this: publish now")
    return 0


def _replace(vault: Vault, role: str, old: Key, token: str | None) -> None:
    from edgefuse.factory.ceremony import replace_key
    from edgefuse.factory.keyring import short_id

    new = vault.keyring.adopt(token) if token else vault.keyring.make(role)
    try:
        replace_key(vault, role, old, new)
    except EdgefuseError:
        vault.keyring.discard(new)
        raise
    signed = vault.write()
    print(f"{role}: {short_id(new)} in place of {short_id(old)}; signed {', '.join(signed)}")
    print("next: edgefuse release publish FOLDER")
