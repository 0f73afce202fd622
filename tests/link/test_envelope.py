"""Signed envelopes: what opens, and what does not."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from fakes.operator_station import Signer, trust

from edgefuse.errors import ConfigError
from edgefuse.link.envelope import MAX_ENVELOPE_BYTES, seal, sign_payload, unseal
from edgefuse.link.operators import OperatorKeys, load_operators
from edgefuse.link.refusal import Fault, RefusedError

SIGNER, STRANGER = Signer(1), Signer(2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Trusts ``SIGNER`` alone."""
    trust(tmp_path / "operators.json", SIGNER)
    return tmp_path / "operators.json"


def fault(data: bytes, path: Path) -> Fault:
    """Give what is wrong with an envelope."""
    with pytest.raises(RefusedError) as caught:
        unseal(data, load_operators(path))
    return caught.value.fault


def changed(data: bytes, **changes: object) -> bytes:
    """Change an envelope that was signed."""
    return json.dumps({**json.loads(data), **changes}).encode()


def test_genuine_command_opens(path: Path) -> None:
    command = SIGNER.make("pause")
    opened, operator = unseal(seal(command, SIGNER.key), load_operators(path))
    assert (opened.id, opened.command, operator.key_id) == (command.id, "pause", SIGNER.key_id)


def test_signature_is_that_of_dsse(path: Path) -> None:
    envelope = json.loads(SIGNER.seal("pause"))
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" " + str(len(payload)).encode() + b" " + payload
    SIGNER.key.verify_key.verify(signed, base64.b64decode(envelope["signatures"][0]["sig"]))


def test_forged_commands_do_not_open(path: Path) -> None:
    genuine = SIGNER.seal("pause")
    other = json.loads(SIGNER.seal("reboot"))["payload"]
    assert fault(changed(genuine, payload=other), path) == "bad_signature"
    assert fault(changed(genuine, signatures=[]), path) == "unsigned"
    assert fault(STRANGER.seal("pause"), path) == "unknown_key"
    forged = [{"keyid": SIGNER.key_id, "sig": json.loads(STRANGER.seal("pause"))["signatures"][0]["sig"]}]
    assert fault(changed(genuine, signatures=forged), path) == "bad_signature"
    assert fault(changed(genuine, signatures=[{"keyid": SIGNER.key_id, "sig": "AAAA"}]), path) == "bad_signature"


def test_what_was_signed_for_another_purpose_does_not_open(path: Path) -> None:
    assert fault(changed(SIGNER.seal("pause"), payloadType="application/vnd.edgefuse.other+json"), path) == "malformed"


def test_key_cannot_speak_for_another(path: Path) -> None:
    with pytest.raises(ValueError, match="names key"):
        seal(STRANGER.make("pause"), SIGNER.key)
    payload = base64.b64decode(json.loads(STRANGER.seal("pause"))["payload"])
    sig = base64.b64encode(sign_payload(payload, SIGNER.key)).decode()
    crossed = {"payload": base64.b64encode(payload).decode(), "signatures": [{"keyid": SIGNER.key_id, "sig": sig}]}
    assert fault(changed(SIGNER.seal("pause"), **crossed), path) == "bad_signature"


def test_oversized_and_broken_envelopes_do_not_open(path: Path) -> None:
    assert fault(b" " * (MAX_ENVELOPE_BYTES + 1), path) == "oversized"
    assert fault(b"pause!", path) == "malformed"
    assert fault(b"{}", path) == "malformed"


def test_nobody_is_trusted_without_a_file(tmp_path: Path) -> None:
    assert fault(SIGNER.seal("pause"), tmp_path / "none.json") == "unknown_key"


def test_broken_file_of_keys_trusts_nobody_and_says_so(path: Path) -> None:
    path.write_text('{"v":1,"operators":[{"key":"AAAA","role":"operator"}]}')
    with pytest.raises(ConfigError, match="enrol this device again"):
        load_operators(path)


def test_revoked_key_is_refused_without_a_restart(path: Path) -> None:
    keys = OperatorKeys(path)
    assert SIGNER.key_id in keys.load()
    path.unlink()
    trust(path, STRANGER)
    assert set(keys.load()) == {STRANGER.key_id}
    path.unlink()
    assert not keys.load()
