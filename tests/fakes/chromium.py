"""A real Chromium without a screen, told what to do over its own protocol: what a person would see and press.

Source:
    https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
"""Busy machines are slow; what goes well never waits so long."""
_MISSING = 2
"""Exit code of tools/chromium."""
_LOOK_S = 0.1
_FLAGS = (
    "--no-sandbox",  # of the tester's own pages only; as root, and in containers, it has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--enable-precise-memory-info",
    "--remote-debugging-pipe",
)
_KEYS = {
    "Enter": ("\r", 13),
    "Tab": ("\t", 9),
    "ArrowDown": ("", 40),
    "ArrowUp": ("", 38),
    "End": ("", 35),
    "Home": ("", 36),
}


class ChromiumMissingError(Exception):
    """There is no Chromium on this machine, and none can be fetched."""


class Page:
    """A tab; used by one thread."""

    def __init__(self, line: _Line, session: str) -> None:
        self._line = line
        self._session = session
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:  # shapes are the protocol's
        """Have something done, and give the answer."""
        return self._line.call(method, arguments, self._session)

    @property
    def complaints(self) -> list[str]:
        """What the page threw, and what the browser refused it."""
        return [text for session, text in self._line.complaints if session == self._session]

    def size(self, width_px: int, height_px: int, *, is_dark: bool = False, scale: float = 1.0) -> None:
        """Take another size, and light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width_px,
            height=height_px,
            deviceScaleFactor=scale,
            mobile=width_px < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Go somewhere; what the page does then is waited for by what it shows."""
        self.call("Page.navigate", url=address)

    def ask(self, expression: str) -> Any:  # whatever JavaScript gives
        """Evaluate JavaScript, and wait for it if it is a promise."""
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression: str, patience_s: float = PATIENCE_S) -> Any:
        """Look until JavaScript gives something true, and give that."""
        deadline_s = time.monotonic() + patience_s
        while not (found := self._try(expression)):
            assert time.monotonic() < deadline_s, f"never true: {expression}\n{self.text}\n{self.complaints}"
            time.sleep(_LOOK_S)
        return found

    def wait_for(self, selector: str, text: str = "") -> str:
        """Wait for an element to be seen, with a text where one is given, and give its text."""
        return str(self.wait(f"({_find(selector, text)})?.innerText"))

    @property
    def text(self) -> str:
        """All that can be read."""
        return str(self.ask("document.body?.innerText ?? ''"))

    def click(self, selector: str, text: str = "") -> None:
        """Wait for an element, with a text where one is given, bring it into sight and press the mouse on it."""
        place = self.wait(
            f"(() => {{ const e = {_find(selector, text)}; if (!e) return null; e.scrollIntoView({{block: 'center'}});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key."""
        text, code = _KEYS.get(key, (key, ord(key[0])))
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text, windowsVirtualKeyCode=code)

    def choose(self, selector: str, value: str) -> None:
        """Choose from a menu."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.ask(
            f"{element}.value = {json.dumps(value)}; {element}.dispatchEvent(new Event('change', {{bubbles: true}}))"
        )

    def picture(self, path: Path) -> None:
        """Write what is in sight as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _try(self, expression: str) -> Any:  # whatever JavaScript gives
        """Evaluate; nothing while the page is on its way to another one."""
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return None if "exceptionDetails" in told else told["result"].get("value")


def _find(selector: str, text: str) -> str:
    """Give JavaScript for the first that can be seen and used, and has a text."""
    return (
        f"[...document.querySelectorAll({json.dumps(selector)})]"
        f".find(e => e.getClientRects().length && !e.disabled && e.textContent.includes({json.dumps(text)}))"
    )


class _Line:
    """Requests and answers, and what is told in between."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.complaints: list[tuple[str, str]] = []
        self._to_browser = os.fdopen(to_browser, "wb", buffering=0)
        self._from_browser = os.fdopen(from_browser, "rb")
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, method: str, arguments: Mapping[str, Any], session: str | None = None) -> dict[str, Any]:
        request = {"id": next(self._ids), "method": method, "params": arguments}
        if session is not None:
            request["sessionId"] = session
        self._to_browser.write(json.dumps(request).encode() + b"\0")
        with self._news:
            is_told = self._news.wait_for(lambda: request["id"] in self._answers, PATIENCE_S)
            assert is_told, f"Chromium does not answer {method}"
            answer = self._answers.pop(request["id"])
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        self._reader.join()
        self._to_browser.close()
        self._from_browser.close()

    def _read(self) -> None:
        buffer = b""
        while piece := os.read(self._from_browser.fileno(), 1 << 16):
            *messages, buffer = (buffer + piece).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        session, content = message.get("sessionId", ""), message.get("params", {})
        with self._news:
            if "id" in message:
                self._answers[message["id"]] = message
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append((session, json.dumps(content["exceptionDetails"])))
            elif message["method"] == "Log.entryAdded" and content["entry"]["level"] == "error":
                self.complaints.append((session, f"{content['entry']['text']} {content['entry'].get('url', '')}"))
            self._news.notify_all()


class Chromium:
    """A browser with a profile of its own."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    def page(self, width_px: int = 1280, height_px: int = 800, *, is_dark: bool = False) -> Page:
        """Open an empty tab that shares no login with another one."""
        context = self._line.call("Target.createBrowserContext", {})["browserContextId"]
        target = self._line.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        page = Page(
            self._line, self._line.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        )
        page.size(width_px, height_px, is_dark=is_dark)
        return page


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Run a browser.

    Raises:
        ChromiumMissingError: There is none to be had.
    """
    program = CHECKOUT / "tools/chromium"
    if subprocess.run([program, "--version"], capture_output=True, check=False).returncode == _MISSING:
        raise ChromiumMissingError
    read_here, write_there = os.pipe()
    read_there, write_here = os.pipe()
    script = f'exec "$@" 3<&{read_there} 4>&{write_there}'
    with tempfile.TemporaryDirectory(prefix="ef-chromium", ignore_cleanup_errors=True) as folder:
        command = ["bash", "-c", script, "bash", program, *_FLAGS, f"--user-data-dir={folder}"]
        process = subprocess.Popen(
            command, pass_fds=(read_there, write_there), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read_there)
        os.close(write_there)
        line = _Line(write_here, read_here)
        try:
            yield Chromium(line)
        finally:
            process.kill()
            process.wait()
            line.close()
