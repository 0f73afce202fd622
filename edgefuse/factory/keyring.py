"""Secret keys: files that only their owner reads, or tokens that sign and never give theirs away.

A token is named as securesystemslib does it, ``hsm:2?label=YubiKey``: number of the key, label of the token. The
variable ``PYKCS11LIB`` says which library speaks to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from securesystemslib.exceptions import Error as SigningError
from securesystemslib.signer import CryptoSigner, HSMSigner, Key, Signer, SSlibKey

from edgefuse import disk
from edgefuse.errors import ConfigError, EdgefuseError

TOKEN = "x-edgefuse-token"
"""Beside a public key in metadata: the token that has its secret."""
LIBRARY = "PYKCS11LIB"
"""Variable of the environment."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The secret keys that are at hand."""

    folders: tuple[Path, ...]
    """Where their files are looked for; new ones are written to the first."""
    ask_pin: Callable[[str], str]
    """Given what it is for, gives the PIN of a token."""

    def make(self, role: str) -> Key:
        """Make a key, keep its secret in a file, and give what everybody may know.

        Raises:
            StoreError: It cannot be written.
        """
        signer = CryptoSigner.generate_ed25519()
        folder = self.folders[0]
        with disk.writing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write_atomically(folder / _file_name(role, signer.public_key), signer.private_bytes, mode=0o600)
        return signer.public_key

    def discard(self, key: Key) -> None:
        """Forget a key that was made and that nobody trusts yet; what is in a token stays there.

        Raises:
            StoreError: Its file cannot be removed.
        """
        for path in self.folders[0].glob(f"*-{short_id(key)}.pem"):
            with disk.writing(path):
                path.unlink()

    def adopt(self, token: str) -> Key:
        """Give what everybody may know of the key in a token.

        Raises:
            EdgefuseError: There is no such token or key, or it cannot be asked.
        """
        number, label = _parse_token(token)
        try:
            uri, key = HSMSigner.import_(number, label, self.ask_pin)
        except (ValueError, RuntimeError, SigningError) as e:  # python-pkcs11 raises what derives from RuntimeError
            raise EdgefuseError(f"cannot use {token}: {str(e) or type(e).__name__}") from e
        key.unrecognized_fields[TOKEN] = uri
        return key

    def find(self, key: Key) -> Signer | None:
        """Give who signs with a key; nothing where its secret is not at hand.

        Raises:
            ConfigError: Its file is none, or is another key's.
        """
        place = self.locate(key)
        if not place or not isinstance(key, SSlibKey):
            return None
        if TOKEN in key.unrecognized_fields:
            return HSMSigner.from_priv_key_uri(place, key, self.ask_pin)
        return _load(Path(place), key)

    def locate(self, key: Key) -> str:
        """Tell where the secret of a key is: a file or a token; empty where it is not at hand."""
        if TOKEN in key.unrecognized_fields:
            is_reachable = os.environ.get(LIBRARY) and find_spec("pkcs11") is not None
            return str(key.unrecognized_fields[TOKEN]) if is_reachable else ""
        files = (path for folder in self.folders for path in folder.glob(f"*-{short_id(key)}.pem"))
        return str(next(files, ""))


def short_id(key: Key) -> str:
    """Give the part of a key's id that people see and files bear."""
    return key.keyid[:12]


def _file_name(role: str, key: Key) -> str:
    return f"{role}-{short_id(key)}.pem"


def _load(path: Path, key: SSlibKey) -> Signer:
    try:
        return CryptoSigner.from_priv_key_uri(f"file2:{path.resolve()}", key)
    except (ValueError, SigningError, UnsupportedAlgorithm) as e:
        raise ConfigError(f"cannot use the key in {path}: {e}") from e


def _parse_token(token: str) -> tuple[int | None, str | None]:
    """Give number and label.

    Raises:
        ConfigError: It does not name a key of a token.
    """
    parts = urlsplit(token)
    if parts.scheme != "hsm" or not (parts.path.isdigit() or not parts.path):
        raise ConfigError(f"cannot read '{token}': expected hsm:NUMBER or hsm:NUMBER?label=LABEL")
    if not os.environ.get(LIBRARY):
        raise ConfigError(f"cannot use {token}: set {LIBRARY} to your token's PKCS#11 library (libykcs11.so)")
    if find_spec("pkcs11") is None:
        raise ConfigError(f"cannot use {token}: python-pkcs11 is not installed; pip install 'edgefuse[hsm]'")
    labels = parse_qs(parts.query).get("label")
    return (int(parts.path) if parts.path else None), (labels[0] if labels else None)
