"""Certificates of a site: its authority, the broker's, the devices', the operators', and the list of revoked ones.

Everything is valid for ten years and ends by revocation. Validity begins in 1970, because a board without a clock must
be able to connect to say that it has none. The keys are of P-256, which every TLS library of the last decade knows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgefuse import clock

VALID_DAYS = 3650
_BEGIN = datetime(1970, 1, 1, tzinfo=timezone.utc)
_USAGES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """A certificate and its secret key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """Give the certificate as text."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Give the key as text, which nobody else may read."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate_der(self) -> bytes:
        """Give the certificate as few bytes."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_der(self) -> bytes:
        """Give the key as few bytes, which nobody else may read."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def serial(self) -> str:
        """Give the certificate's number in hex."""
        return f"{self.certificate.serial_number:x}"


def load_identity(certificate_pem: bytes, key_pem: bytes) -> Identity:
    """Give back what was written.

    Raises:
        ValueError: It is no certificate, or no key of this kind.
    """
    key = load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is of another kind")
    return Identity(x509.load_pem_x509_certificate(certificate_pem), key)


def read_name(certificate_pem: bytes) -> str:
    """Give the name that a certificate was made for.

    Raises:
        ValueError: It is no certificate, or has none.
    """
    (name,) = x509.load_pem_x509_certificate(certificate_pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def make_authority(name: str) -> Identity:
    """Make an authority, which signs itself."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), _make_name(name)
    builder = (
        _begin(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_make_usage(is_authority=True), critical=True)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Identity | None, name: str, usage: Literal["client", "server"], hosts: Sequence[str] = ()
) -> Identity:
    """Make a certificate for a name and the hosts that a server is reached by; without authority it signs itself."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), _make_name(name)
    issuer, signer_key = (authority.certificate.subject, authority.key) if authority else (subject, key)
    builder = (
        _begin(subject, issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_make_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGES[usage]]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_make_host, hosts)), critical=False)
    return Identity(builder.sign(signer_key, hashes.SHA256()), key)


def make_revocations(authority: Identity, serials: Iterable[str]) -> bytes:
    """Make the list of certificates that are trusted no longer, as text."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(_BEGIN)
        .next_update(_end())
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(_BEGIN).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_end())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _end() -> datetime:
    return clock.wall_now() + timedelta(days=VALID_DAYS)


def _make_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _make_host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
