"""The page that Prometheus fetches, over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from edgefuse.errors import ConfigError
from edgefuse.fleet.database import DatabaseError
from edgefuse.fleet.exporter import Endpoint, Exporter, parse_endpoint

PATIENCE_S = 30.0


@contextmanager
def exporting(make_page: Callable[[], str], host: str = "127.0.0.1") -> Iterator[int]:
    """Serve a page and give the port."""
    exporter, stop = Exporter(Endpoint(host, 0), make_page), threading.Event()
    thread = threading.Thread(target=exporter.run, args=(stop,))
    thread.start()
    try:
        yield exporter.port
    finally:
        stop.set()
        thread.join()


def fetch(port: int, path: str = "/metrics", host: str = "127.0.0.1") -> tuple[int, str, str]:
    """Give status, content type and text."""
    connection = HTTPConnection(host, port, timeout=PATIENCE_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def test_each_fetch_makes_the_page_anew() -> None:
    pages = iter(["edgefuse_point_index 0\n", "edgefuse_point_index 1\n"])
    with exporting(lambda: next(pages)) as port:
        assert fetch(port) == (200, "text/plain; version=0.0.4; charset=utf-8", "edgefuse_point_index 0\n")
        assert fetch(port)[2] == "edgefuse_point_index 1\n"


def test_who_asks_elsewhere_is_told_where_the_metrics_are() -> None:
    with exporting(lambda: "") as port:
        assert fetch(port, "/") == (404, "text/plain", "the metrics are at /metrics\n")


def test_a_store_that_cannot_be_read_is_told_and_does_not_end_the_exporter() -> None:
    def fail() -> str:
        raise DatabaseError("cannot read database fleet: it is locked")

    with exporting(fail) as port:
        assert [fetch(port)[0], fetch(port)[0]] == [503, 503]
        assert fetch(port)[2] == "cannot read database fleet: it is locked\n"


def test_a_reader_that_says_nothing_keeps_nobody_waiting() -> None:
    with exporting(lambda: "page\n") as port, socket.create_connection(("127.0.0.1", port)):
        assert fetch(port)[2] == "page\n"


def test_a_reader_that_leaves_early_does_not_end_the_exporter() -> None:
    with exporting(lambda: "page\n" * 1_000_000) as port:
        with socket.create_connection(("127.0.0.1", port)) as reader:
            reader.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            reader.recv(1)
        assert fetch(port, "/")[0] == 404


def test_a_port_that_somebody_has_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            Exporter(Endpoint("127.0.0.1", port), str)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("9650", Endpoint("127.0.0.1", 9650)),
        (":9650", Endpoint("127.0.0.1", 9650)),
        ("0.0.0.0:9650", Endpoint("0.0.0.0", 9650)),
        ("[::1]:9650", Endpoint("::1", 9650)),
        ("fleet.example:9650", Endpoint("fleet.example", 9650)),
    ],
)
def test_an_endpoint_is_this_machine_unless_an_address_is_named(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize("text", ["", "metrics", "127.0.0.1:", "127.0.0.1:65536", "-1", "host:٣"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        parse_endpoint(text)
