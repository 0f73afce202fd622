"""What every answer tells browsers: run nothing but what this server sends, show it in nobody's frame, keep no data."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""A snapshot is shown from memory (``blob:``), everything else comes from here.

Source:
    https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""
DATA, PAGE = "no-store", "no-cache"
"""Caches keep no data; the page's files they may keep, and ask each time whether they are still the same."""


class Headers:
    """Adds them to all that an application answers."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                is_data = scope["path"].startswith("/api/") or scope["path"] == "/openapi.json"
                headers["Cache-Control"] = DATA if is_data else PAGE
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
