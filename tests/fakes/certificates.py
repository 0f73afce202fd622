"""A site's certificates, made with openssl: its authority, its broker's, a device's."""

from __future__ import annotations

import subprocess
from pathlib import Path

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


def make_credentials(folder: Path, device: str) -> None:
    """Make ``ca.pem``, ``device.pem`` with ``device.key``, and ``broker.pem`` with ``broker.key`` for localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(folder, "req", "-x509", *_EC, "-subj", "/CN=site", "-keyout", "ca.key", "-out", "ca.pem")
    _sign(folder, "broker", "localhost", "subjectAltName=DNS:localhost")
    _sign(folder, "device", device, f"subjectAltName=DNS:{device}")


def _sign(folder: Path, name: str, subject: str, extension: str) -> None:
    _openssl(folder, "req", *_EC, "-subj", f"/CN={subject}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(extension)
    ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *ca, "-out", f"{name}.pem")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
