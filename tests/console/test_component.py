"""The console's server: where it listens, with what certificate, and how it ends."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from console.conftest import Place
from fakes.certificates import make_credentials
from fakes.console import Client, read_event, showing

from edgefuse.console.app import Scene
from edgefuse.console.component import Certificate, Console
from edgefuse.console.tokens import make_token
from edgefuse.errors import ConfigError
from edgefuse.fleet.exporter import Endpoint


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for localhost, and beside it that of who made it."""
    make_credentials(tmp_path / "tls", "a")
    return Certificate(tmp_path / "tls/broker.pem", tmp_path / "tls/broker.key")


def test_under_tls_the_cookie_is_never_sent_in_the_clear(place: Place, certificate: Certificate) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate.chain.with_name("ca.pem")))
    with showing(Scene(place.folder, place.database), certificate) as console:
        assert console.url.startswith("https://127.0.0.1:")
        browser = Client(console, trusted=trusted)
        answer = browser.log_in(make_token(place.folder, "anna", "viewer"))
        assert "Secure" in answer.headers["set-cookie"].split("; ")
        assert browser.ask("/api/devices").status == 200


def test_a_proxy_on_this_machine_says_that_it_has_tls_and_who_asks(place: Place, console: Console) -> None:
    proxied = Client(console)
    proxied.headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.2.3"}
    answer = proxied.log_in(make_token(place.folder, "anna", "viewer"))
    assert "Secure" in answer.headers["set-cookie"].split("; ")
    assert proxied.ask("/api/audit").json["records"][-1]["detail"] == "10.1.2.3"
    refused = proxied.ask("/api/devices/door-3/picture")
    assert "through a tunnel" in refused.json["error"]


def test_the_environment_does_not_say_which_proxy_is_believed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.9.9.9")
    with showing(Scene(place.folder, place.database)) as console:
        proxied = Client(console, make_token(place.folder, "screen", "viewer"))
        proxied.ask("/api/login", {"token": "x"}, X_Forwarded_For="10.1.2.3")
        assert proxied.ask("/api/audit").json["records"][-1]["detail"] == "10.1.2.3"


def test_elsewhere_than_on_this_machine_it_needs_a_certificate(place: Place, certificate: Certificate) -> None:
    scene = Scene(place.folder, place.database)
    with pytest.raises(ConfigError, match="without TLS"):
        Console(scene, Endpoint("0.0.0.0", 0))
    with showing(scene, certificate, "0.0.0.0") as console:
        assert console.url.startswith("https://0.0.0.0:")


def test_what_cannot_work_is_said_at_once(place: Place, certificate: Certificate) -> None:
    scene = Scene(place.folder, place.database)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            Console(scene, Endpoint("127.0.0.1", port))
    with pytest.raises(ConfigError, match="cannot use certificate"):
        Console(scene, Endpoint("127.0.0.1", 0), Certificate(certificate.key, certificate.chain))
    with pytest.raises(ConfigError, match="cannot use certificate"):
        Console(scene, Endpoint("127.0.0.1", 0), Certificate(Path("/nowhere"), certificate.key))


def test_it_ends_at_once_while_browsers_follow(place: Place) -> None:
    with ExitStack() as later:
        with showing(Scene(place.folder, place.database)) as console:
            viewer = Client(console, make_token(place.folder, "screen", "viewer"))
            stream = later.enter_context(viewer.follow("/api/changes"))
            read_event(stream)
            begin_s = time.monotonic()
        assert time.monotonic() - begin_s < 20.0  # busy machines are slow; it takes 0.2 s
        assert stream.read() == b""


def test_what_is_too_large_is_not_read(place: Place, console: Console) -> None:
    robot = Client(console, make_token(place.folder, "robot", "operator"))
    answer = robot.ask("/api/deployments", {"release": "7", "devices": ["x" * 64] * 40_000})
    assert answer.status == 413


def test_who_asks_for_nothing_that_there_is_is_told_what_there_is(console: Console) -> None:
    answer = Client(console).ask("/api/nothing")
    assert (answer.status, "/openapi.json" in answer.json["error"]) == (404, True)
    wrong = Client(console).ask("/api/devices", {}, method="POST")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET")
