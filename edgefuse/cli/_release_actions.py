"""What the actions of ``edgefuse release`` share."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse import paths
from edgefuse.cli import _group
from edgefuse.cli._words import show_count
from edgefuse.errors import ConfigError, StoreError
from edgefuse.factory.built import DESCRIPTION, Delta, load_built
from edgefuse.store.release import Release, current_release, load_release
from edgefuse.store.store import open_store

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions
    from edgefuse.factory.keyring import Keyring

RELEASE_WORD = "folder of one that was built, or id of one in this machine's store (0 is what edgefuse ships)"
"""What names a release on the command line."""
PIN_FILE = "EDGEFUSE_PIN_FILE"
"""Variable with the path of a file that has the PIN of a token, for machines that nobody sits at."""


def add_action(
    actions: Actions, name: str, about: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add an action; ``example`` is a command line that works, without ``edgefuse release``."""
    return _group.add_action(actions, name, about, f"release {example}", run)


def add_vault(parser: argparse.ArgumentParser) -> None:
    """Let the user name the vault, and where keys lie that are not in it."""
    parser.add_argument("--vault", metavar="FOLDER", type=Path, help=f"made by init (default {paths.vault_dir()})")
    parser.add_argument(
        "--keys", metavar="FOLDER", type=Path, action="append", default=[], help="of further keys; can be repeated"
    )


def vault_folder(options: argparse.Namespace) -> Path:
    """Give the folder of the vault that is meant, as a whole path."""
    folder: Path | None = options.vault
    return folder.resolve() if folder else paths.vault_dir()


def make_keyring(options: argparse.Namespace) -> Keyring:
    """Give the keys that are at hand."""
    from edgefuse.factory.keyring import Keyring

    return Keyring((vault_folder(options) / "keys", *options.keys), ask_pin)


@cache
def ask_pin(purpose: str) -> str:
    """Give the PIN of a token: from the file that is named for it, else from a person, and once only.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = os.environ.get(PIN_FILE)
    if path is None:
        return getpass.getpass(f"{purpose} of the token: ")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as e:
        raise ConfigError(f"cannot read the PIN from {path}, which {PIN_FILE} names: {e.strerror}") from e


def find_release(word: str) -> Release:
    """Load a release by its folder or its id, see ``RELEASE_WORD``.

    Raises:
        StoreError: There is none.
    """
    if (Path(word) / DESCRIPTION).exists():
        return load_built(Path(word))
    store = open_store()
    current_release(store)  # what ships with the package lies in the store from the first use on
    try:
        return load_release(store, word)
    except StoreError as e:
        raise StoreError(
            f"cannot find release '{word}': no folder of that name has one, nor has the store ({e})"
        ) from e


def count_deltas(deltas: Sequence[Delta]) -> str:
    """Say how many deltas there are, and how large."""
    size_bytes = sum(delta.size_bytes for delta in deltas)
    full_bytes = sum(delta.part.file.size_bytes for delta in deltas)
    return f"{show_count(len(deltas), 'delta')}: {show_count(size_bytes, 'byte')} in place of {full_bytes:,}"
