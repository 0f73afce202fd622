"""Keys in files and in tokens: where secrets lie, who may read them, and what is said where one is missing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from fakes.release_site import PIN, Device, Site, refuse_pin

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.factory.ceremony import find_only_key, replace_key
from edgefuse.factory.keyring import Keyring
from edgefuse.factory.publishing import publish
from edgefuse.factory.signing import sign_release
from edgefuse.factory.vault import changing


def test_secret_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    key = Keyring((tmp_path / "keys",), refuse_pin).make("releases")
    (path,) = (tmp_path / "keys").iterdir()
    assert path.name == f"releases-{key.keyid[:12]}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_key_that_is_not_at_hand_signs_nothing(tmp_path: Path) -> None:
    key = Keyring((tmp_path / "elsewhere",), refuse_pin).make("releases")
    keyring = Keyring((tmp_path / "here",), refuse_pin)
    assert keyring.find(key) is None
    assert keyring.locate(key) == ""


def test_key_is_found_in_any_of_the_folders(tmp_path: Path) -> None:
    key = Keyring((tmp_path / "stick",), refuse_pin).make("root")
    signer = Keyring((tmp_path / "keys", tmp_path / "stick"), refuse_pin).find(key)
    assert signer is not None
    key.verify_signature(signer.sign(b"metadata"), b"metadata")


@pytest.mark.parametrize("content", [b"", b"no key", None])
def test_file_that_is_not_the_key_is_told(tmp_path: Path, content: bytes | None) -> None:
    keyring = Keyring((tmp_path,), refuse_pin)
    key = keyring.make("root")
    (path,) = tmp_path.iterdir()
    if content is None:
        keyring.make("other")
        (other,) = set(tmp_path.iterdir()) - {path}
        content = other.read_bytes()
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"cannot use the key in {path}"):
        keyring.find(key)


@pytest.mark.parametrize("word", ["", "yubikey", "hsm:first", "file2:/etc/passwd"])
def test_word_that_names_no_token_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigError, match="expected hsm:NUMBER"):
        Keyring((tmp_path,), refuse_pin).adopt(word)


def test_token_without_a_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYKCS11LIB", raising=False)
    with pytest.raises(ConfigError, match="set PYKCS11LIB"):
        Keyring((tmp_path,), refuse_pin).adopt("hsm:2")


@pytest.mark.parametrize("word", ["hsm:7?label=safe", "hsm:1?label=lost"])
def test_key_that_is_in_no_token_is_told(tmp_path: Path, token: str, word: str) -> None:
    with pytest.raises(EdgefuseError, match=r"cannot use hsm:\d\?label=.*: "):
        Keyring((tmp_path,), lambda _: PIN).adopt(word)


def test_tokens_sign_root_and_releases(site: Site, tmp_path: Path, token: str) -> None:
    """One of the root's keys and that of descriptions move into tokens; a device with the first root file follows."""
    keyring = Keyring((site.vault / "keys",), lambda _: PIN)
    with changing(site.vault, keyring) as vault:
        replace_key(vault, "root", vault.keys_of("root")[0], keyring.adopt(token))
        replace_key(vault, "releases", find_only_key(vault, "releases"), keyring.adopt("hsm:2?label=safe"))
        vault.write()
    root_files = sorted((site.vault / "keys").glob("root-*.pem"))
    root_files[0].unlink()
    _, folder = site.build("one", 1, "a")
    with changing(site.vault, keyring) as vault:
        sign_release(vault, folder)
        vault.write()
        publish(vault, site.published)
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


def test_wrong_pin_is_told_and_nothing_is_written(site: Site, token: str) -> None:
    keyring = Keyring((site.vault / "keys",), lambda _: "9753")
    before = sorted((site.vault / "metadata").iterdir())
    with changing(site.vault, keyring) as vault, pytest.raises(EdgefuseError, match=r"cannot sign with releases-"):
        replace_key(vault, "releases", find_only_key(vault, "releases"), keyring.adopt(token))
    assert sorted((site.vault / "metadata").iterdir()) == before
