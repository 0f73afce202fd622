"""Tokens: told once, kept as hashes, ended by name or by time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edgefuse.console.tokens import find_token, has_tokens, load_tokens, make_token, revoke_token
from edgefuse.errors import ConfigError, EdgefuseError


def test_only_the_hash_of_a_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    assert not has_tokens(tmp_path)
    secret = make_token(tmp_path, "anna", "viewer")
    path = tmp_path / "console.json"
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = find_token(load_tokens(tmp_path), secret)
    assert found is not None
    assert (found.name, found.role) == ("anna", "viewer")
    assert find_token(load_tokens(tmp_path), secret[:-1]) is None


def test_a_new_token_of_a_name_ends_the_old_one_and_no_other(tmp_path: Path) -> None:
    old, other = make_token(tmp_path, "anna", "operator"), make_token(tmp_path, "ben", "viewer")
    new = make_token(tmp_path, "anna", "viewer")
    found = [find_token(load_tokens(tmp_path), secret) for secret in (old, new, other)]
    assert [token and (token.name, token.role) for token in found] == [None, ("anna", "viewer"), ("ben", "viewer")]


def test_a_token_whose_time_is_over_is_none(tmp_path: Path) -> None:
    over, good = (make_token(tmp_path, f"t{s}", "viewer", lifetime_s=s) for s in (0, 60))
    assert find_token(load_tokens(tmp_path), over) is None
    assert find_token(load_tokens(tmp_path), good) is not None


def test_what_was_revoked_is_none_and_cannot_be_revoked_again(tmp_path: Path) -> None:
    secret = make_token(tmp_path, "anna", "viewer")
    revoke_token(tmp_path, "anna")
    assert find_token(load_tokens(tmp_path), secret) is None
    with pytest.raises(EdgefuseError, match="cannot revoke token 'anna'"):
        revoke_token(tmp_path, "anna")


@pytest.mark.parametrize("name", ["", "Anna", "-a", "a b", "a" * 64])
def test_a_name_is_one_that_can_stand_in_an_audit(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot make token"):
        make_token(tmp_path, name, "viewer")


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "console.json").write_text("[]")
    with pytest.raises(ConfigError, match="cannot load tokens from"):
        load_tokens(tmp_path)
