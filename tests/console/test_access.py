"""Who gets in, what they may do, and what browsers are told; over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # JSON

import pytest
from console.conftest import Place
from fakes.console import Client

from edgefuse.console.component import Console
from edgefuse.console.headers import HEADERS
from edgefuse.console.logins import MAX_LOGINS, Logins
from edgefuse.console.tokens import load_tokens, make_token, revoke_token
from edgefuse.fleet.audit import read_acts

LIMIT = 5


def operations(viewer: Client) -> Iterator[tuple[str, str, Any]]:
    """Give method, path and description of all that the API can do."""
    for path, methods in viewer.ask("/openapi.json").json["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path.format(device="door-3"), described


def test_nothing_but_the_login_is_for_everybody(console: Console, viewer: Client) -> None:
    stranger = Client(console)
    everything = list(operations(viewer))
    assert len(everything) > 15
    for method, path, described in everything:
        answer = stranger.ask(path, b"{}" if method != "GET" else None, method=method)
        if path == "/api/login":
            assert "security" not in described
        else:
            assert (answer.status, answer.json) == (401, {"error": "cannot tell who asks: log in first"}), path


def test_a_viewer_may_only_look(viewer: Client) -> None:
    for method, path, described in operations(viewer):
        if "operator" in described.get("description", ""):
            answer = viewer.ask(path, b"{}", method=method)
            assert answer.status == 403, path
            assert "a viewer may only look" in answer.json["error"]
    assert viewer.ask("/api/devices").status == 200


def test_a_cookie_alone_changes_nothing(place: Place, console: Console) -> None:
    browser = Client(console)
    answer = browser.log_in(make_token(place.folder, "anna", "operator"))
    assert (answer.status, answer.json["role"]) == (200, "operator")
    csrf = browser.headers.pop("X-CSRF")
    wish = {"release": "7", "devices": ["nobody"]}
    for sent in ({}, {"X_CSRF": "x"}, {"X_CSRF": "ü"}):
        assert browser.ask("/api/deployments", wish, **sent).status == 403
    assert browser.ask("/api/deployments", wish, X_CSRF=csrf).status == 404  # it may, but there is no such device


def test_a_form_of_another_page_cannot_log_anybody_in(place: Place, console: Console) -> None:
    content = b'{"token": "' + make_token(place.folder, "anna", "viewer").encode() + b'"}'
    assert Client(console).ask("/api/login", content, Content_Type="text/plain").status == 415


def test_scripts_cannot_read_the_cookie_and_other_sites_cannot_use_it(place: Place, console: Console) -> None:
    answer = Client(console).log_in(make_token(place.folder, "anna", "viewer"))
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"edgefuse-{console.port}=")  # another console on this host has another one
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


def test_who_logs_out_is_out(place: Place, console: Console) -> None:
    browser = Client(console)
    browser.log_in(make_token(place.folder, "anna", "viewer"))
    before = dict(browser.headers)
    assert browser.ask("/api/me").json["name"] == "anna"
    assert browser.ask("/api/logout", method="POST").status == 200
    browser.headers = before
    assert browser.ask("/api/me").status == 401


def test_a_token_that_is_revoked_ends_its_logins_at_once(place: Place, console: Console) -> None:
    browser = Client(console)
    browser.log_in(token := make_token(place.folder, "anna", "viewer"))
    assert browser.ask("/api/me").status == 200
    revoke_token(place.folder, "anna")
    assert browser.ask("/api/me").status == 401
    assert Client(console, token).ask("/api/me").status == 401
    assert Client(console).log_in(token).status == 401


def test_a_login_ends_with_its_token(place: Place) -> None:
    make_token(place.folder, "anna", "viewer", lifetime_s=-1.0)
    logins = Logins()
    secret, identity = logins.add(load_tokens(place.folder)[0])
    assert identity.expires_s > 0
    assert logins.find(secret) is None


def test_nobody_logs_others_out_by_logging_in(place: Place) -> None:
    for name in ("anna", "bert"):
        make_token(place.folder, name, "viewer")
    anna, bert = load_tokens(place.folder)
    logins = Logins()
    secret, _ = logins.add(anna)
    first, *_, last = [logins.add(bert)[0] for _ in range(MAX_LOGINS)]
    assert logins.find(secret) is not None
    assert (logins.find(first), logins.find(last) is not None) == (None, True)


def test_wrong_tokens_are_tried_five_times_a_minute(place: Place, console: Console) -> None:
    token = make_token(place.folder, "anna", "viewer")
    stranger = Client(console)
    assert [stranger.log_in("x").status for _ in range(LIMIT)] == [401] * LIMIT
    answer = stranger.log_in("x")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert stranger.log_in(token).status == 429
    assert Client(console, token).ask("/api/me").status == 200  # a program that has one is not shut out by others


def test_who_must_wait_cannot_push_others_out_of_the_audit(place: Place, console: Console) -> None:
    stranger = Client(console)
    assert [stranger.log_in("x").status for _ in range(LIMIT + 3)] == [401] * LIMIT + [429] * 3
    assert len(read_acts(place.folder)) == LIMIT


def test_strangers_may_send_no_more_than_a_token(console: Console) -> None:
    assert Client(console).ask("/api/login", {"token": "x", "more": "x" * 5000}).status == 413


def test_wrong_tokens_of_programs_count_too(console: Console) -> None:
    for _ in range(LIMIT):
        assert Client(console, "x").ask("/api/me").status == 401
    assert Client(console).log_in("x").status == 429


@pytest.mark.parametrize("path", ["/", "/api/login", "/api/devices", "/api/nothing", "/nothing", "/openapi.json"])
def test_browsers_are_told_to_run_nothing_else_whatever_the_answer(path: str, console: Console) -> None:
    answer = Client(console).ask(path)
    assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == ("no-store" if path.startswith(("/api", "/openapi")) else "no-cache")
    assert "server" not in answer.headers


def test_the_policy_lets_nothing_inline_or_from_elsewhere_run() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_logins_in_vain_and_others_are_in_the_audit(place: Place, console: Console) -> None:
    client = Client(console)
    client.log_in("x")
    client.log_in(make_token(place.folder, "anna", "viewer"))
    acts = client.ask("/api/audit").json["records"]
    assert [(act["who"], act["what"], act["outcome"], act["detail"]) for act in acts] == [
        ("", "log in", "refused", "127.0.0.1"),
        ("anna", "log in", "done", "127.0.0.1"),
    ]
