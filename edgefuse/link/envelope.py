"""Signed envelopes: DSSE around a command, Ed25519 signatures.

The signature covers the bytes that were sent, so nothing has to be written the same way twice, and it covers the
payload's type, so nothing signed for another purpose passes for a command.

Source:
    https://github.com/secure-systems-lab/dsse, version 1.0; signatures by libsodium (PyNaCl).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from edgefuse.link.messages import Command, decode, encode
from edgefuse.link.operators import Operator, make_key_id
from edgefuse.link.refusal import RefusedError

COMMAND_TYPE = "application/vnd.edgefuse.command+json"
MAX_ENVELOPE_BYTES = 16 << 10
"""The largest command has a few hundred bytes."""


class Signature(msgspec.Struct, frozen=True):
    """By one key; ``keyid`` is only a hint for finding it."""

    keyid: str
    sig: bytes


class Envelope(msgspec.Struct, frozen=True):
    """As it travels; bytes are Base64 in JSON."""

    payload_type: str = msgspec.field(name="payloadType")
    payload: bytes
    signatures: tuple[Signature, ...]


def seal(command: Command, key: SigningKey) -> bytes:
    """Sign a command that names ``key`` as its own.

    Raises:
        ValueError: It names another key.
    """
    key_id = make_key_id(key.verify_key)
    if command.key_id != key_id:
        raise ValueError(f"command {command.id} names key {command.key_id}, not {key_id}")
    payload = encode(command)
    return encode(Envelope(COMMAND_TYPE, payload, (Signature(key_id, sign_payload(payload, key)),)))


def sign_payload(payload: bytes, key: SigningKey) -> bytes:
    """Give the signature of a command's bytes."""
    return bytes(key.sign(_signed_bytes(COMMAND_TYPE, payload)).signature)


def unseal(data: bytes, operators: Mapping[str, Operator]) -> tuple[Command, Operator]:
    """Give the command of an envelope and the operator whose signature it bears.

    Raises:
        RefusedError: It is none, or no trusted operator signed it.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise RefusedError("oversized", f"the envelope has {len(data)} bytes, {MAX_ENVELOPE_BYTES} is the limit")
    envelope = _decode_envelope(data)
    operator = _find_signer(envelope, operators)
    try:
        command = decode(envelope.payload, Command)
    except ValueError as e:
        raise RefusedError("malformed", f"it is no command: {e}", operator.key_id) from e
    if command.key_id != operator.key_id:
        raise RefusedError("bad_signature", f"it names key {command.key_id}, another one signed it", operator.key_id)
    return command, operator


def _decode_envelope(data: bytes) -> Envelope:
    try:
        envelope = decode(data, Envelope)
    except ValueError as e:
        raise RefusedError("malformed", f"it is no signed envelope: {e}") from e
    if envelope.payload_type != COMMAND_TYPE:
        raise RefusedError("malformed", f"the envelope holds {envelope.payload_type[:80]}, not {COMMAND_TYPE}")
    return envelope


def _find_signer(envelope: Envelope, operators: Mapping[str, Operator]) -> Operator:
    if not envelope.signatures:
        raise RefusedError("unsigned", "the envelope bears no signature")
    known = [(s, operators[s.keyid]) for s in envelope.signatures[:4] if s.keyid in operators]
    if not known:
        names = ", ".join(s.keyid[:40] for s in envelope.signatures[:4])
        raise RefusedError("unknown_key", f"this device does not trust key {names}")
    signed = _signed_bytes(envelope.payload_type, envelope.payload)
    for signature, operator in known:
        try:
            operator.key.verify(signed, signature.sig)
            return operator
        except (BadSignatureError, ValueError):  # the latter for a signature of another length
            continue
    raise RefusedError("bad_signature", f"the signature by key {known[0][1].key_id} does not fit")


def _signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Give DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
