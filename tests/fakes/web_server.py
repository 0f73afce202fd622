"""A web server on loopback that can cut connections, ignore ranges and redirect, over TLS or plain."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Site:
    """What the server has, how it misbehaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    has_ranges: bool = True
    has_lengths: bool = True
    cuts_bytes: list[int] = field(default_factory=list)
    """The next answers stop after so many bytes of body."""
    ranges: list[str | None] = field(default_factory=list)
    """``Range`` of each request so far."""


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Site]:
    """Run a server; with a certificate (key and certificate in one file) it speaks TLS."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if certificate else "http"
    site.url = f"{scheme}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_certificate(folder: Path) -> Path:
    """Make a certificate for localhost that signs itself, with its key in the same file."""
    path, key = folder / "certificate.pem", folder / "key.pem"
    options = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = ["openssl", "req", "-x509", *options, *names, "-keyout", str(key), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.ranges.append(self.headers["Range"])
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.end_headers()
            elif self.path not in site.files:
                self.send_error(404)
            else:
                self._send(site.files[self.path])

        def _send(self, content: bytes) -> None:
            offset = 0
            if site.has_ranges and (wanted := self.headers["Range"]):
                offset = int(wanted.removeprefix("bytes=").rstrip("-"))
            if offset >= len(content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if offset else 200)
            if offset:
                self.send_header("Content-Range", f"bytes {offset}-{len(content) - 1}/{len(content)}")
            if site.has_lengths:
                self.send_header("Content-Length", str(len(content) - offset))
            self.end_headers()
            end = offset + site.cuts_bytes.pop(0) if site.cuts_bytes else len(content)
            self.wfile.write(content[offset:end])

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler
