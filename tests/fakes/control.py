"""A supervisor's control socket with nothing behind it: it gives prepared statuses and notes what is asked."""

from __future__ import annotations

import math
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec

from edgefuse.cli._view import View
from edgefuse.config import loader
from edgefuse.config.manifest import load_manifests
from edgefuse.config.profile import Profile
from edgefuse.ipc import Heartbeat, Latency
from edgefuse.planning.plan import plan
from edgefuse.store.release import SHIPPED_ID, Release
from edgefuse.supervisor.control import (
    AnyRequest,
    Done,
    Event,
    GetHistory,
    GetStatus,
    Heat,
    History,
    Refused,
    Reply,
    ServiceStatus,
    SetPaused,
    SetPin,
    Setting,
    Status,
    TakeSnapshot,
    Told,
    Watch,
    socket_path,
)

CHECKOUT = Path(__file__).parents[2]
SNAPSHOT = b"a picture"
CHOSEN = {"effect": Setting("anonymise", "site"), "face": Setting("", "default"), "point": Setting("2", "governor")}
"""What is in force where nothing is pinned."""


@cache
def shipped_profile(profile_id: str = "raspberry-pi-5") -> Profile:
    """Give a profile as it ships."""
    return loader.load_folder(CHECKOUT / "devices", Profile)[profile_id]


@cache
def _status() -> Status:
    profile = shipped_profile()
    release = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(CHECKOUT / "models"))
    beat = Heartbeat(
        frames_in=8042, frames_out=4021, dropped=3, skipped=4017, failures=0, source_losses=1, source="flowing",
        fps_in=29.9, fps=15.0, faces=1.2, latency_ms=Latency(46.2, 61.0, 77.5), frame_ms=38.6,
        stages_ms={"capture": 2.1, "detect_faces": 14.9, "track_faces": 12.4, "align_faces": 0.3, "anonymise": 21.7,
                   "mark": 0.2, "deliver": 6.8},
        point=2, effect="anonymise", rss_mb=286.4,
    )  # fmt: skip
    events = (
        Event(at="2026-11-20T08:47:02Z", level="info", kind="worker_running", text="the worker runs, pid 4098"),
        Event(
            at="2026-11-20T08:51:40Z",
            level="warning",
            kind="source_lost",
            text="cannot read camera /dev/video0: no such device",
        ),
        Event(at="2026-11-20T08:51:58Z", level="info", kind="source_back", text="the source is back"),
        Event(at="2026-11-20T09:02:11Z", level="warning", kind="worker_crashed", text="it died of SIGSEGV"),
        Event(at="2026-11-20T09:02:12Z", level="info", kind="worker_running", text="the worker runs, pid 4121"),
    )
    return Status(
        version="0.1.0", board=profile.sample.board, profile=profile.id, release=release.id, uptime_s=273_840,
        service=ServiceStatus(name="worker", state="RUNNING", pid=4121, since_s=8_040, restarts=1, memory_limit_mb=800),
        settings={**CHOSEN, "source": Setting("v4l2:/dev/video0", "site"), "sink": Setting("mjpeg:8080", "site"),
                  "memory_mb": Setting("800", "profile")},
        heartbeat=beat,
        heat=Heat(temps_c={"cpu-thermal": 71.2, "rp1_adc": 48.4}, trips_c={"cpu-thermal": 75.0}, band="warm",
                  margin_c=3.8, power_w=6.4, point_reason="at point 1 cpu-thermal would reach 77.9 C in 9 min"),
        ladder=profile.ladder,
        plan=plan(profile, release, profile.sample),
        events=events,
        supervisor_mb=26.1,
    )  # fmt: skip


def make_status(**changes: object) -> Status:
    """Describe a Raspberry Pi 5 that anonymises at point 2 because it is warm; its plan is the real one."""
    return msgspec.structs.replace(_status(), **changes)


def replace_beat(status: Status, **changes: object) -> Status:
    """Give a status with another heartbeat."""
    assert status.heartbeat is not None
    return msgspec.structs.replace(status, heartbeat=msgspec.structs.replace(status.heartbeat, **changes))


class FakeSupervisor:
    """Answers over a real socket; pins and pauses are taken into the status unless a refusal is set."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.requests: list[AnyRequest] = []
        """Those that ask for a change."""
        self.refusal = ""
        self.history = History((), ())
        self._ended = threading.Event()

    @contextmanager
    def listen(self) -> Iterator[FakeSupervisor]:
        """Listen where commands look for the supervisor."""
        path = socket_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ended.clear()
        with _Server(str(path), _handler(self)) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield self
            finally:
                self._ended.set()
                server.shutdown()
                thread.join()
                path.unlink()

    def replies(self, request: AnyRequest) -> Iterator[Reply]:
        """Give the replies to one request."""
        if isinstance(request, GetStatus):
            yield Told(self.status)
        elif isinstance(request, Watch):
            yield Told(self.status)
            while not self._ended.wait(request.interval_s):
                yield Told(self.status)
        elif isinstance(request, GetHistory):
            yield self.history
        else:
            self.requests.append(request)
            yield Refused(self.refusal) if self.refusal else self._change(request)

    def _change(self, request: AnyRequest) -> Reply:
        if isinstance(request, SetPin):
            pin = Setting(request.value, "pin", since="2026-11-20T11:00:00Z")
            settings = {**self.status.settings, request.setting: pin if request.value else CHOSEN[request.setting]}
            self.status = msgspec.structs.replace(self.status, settings=settings)
        elif isinstance(request, TakeSnapshot):
            Path(request.path).write_bytes(SNAPSHOT)
        elif isinstance(request, SetPaused):
            self.status = replace_beat(self.status, source="paused" if request.is_paused else "flowing")
        return Done()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


def _handler(supervisor: FakeSupervisor) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                for line in self.rfile:
                    for reply in supervisor.replies(msgspec.json.decode(line, type=AnyRequest)):
                        self.wfile.write(msgspec.json.encode(reply) + b"\n")
            except (BrokenPipeError, ConnectionResetError):
                pass  # a watcher went away

    return Handler


def make_history(seconds: int = 90) -> View:
    """Give what ``top`` has seen of a unit that warmed up and whose supervisor was restarted on the way."""
    view = View(make_status(), answered_s=0.0)
    for second in range(seconds):
        if 50 <= second < 55:
            view = view.with_trouble("the supervisor closed the connection", float(second))
            continue
        view = view.with_status(warmed_up(second), float(second))
    return view


def warmed_up(second: int) -> Status:
    """Give the status of a unit that has been warming up for so long, with a moment without frames on the way."""
    temp_c = 71.2 - 13.0 * math.exp(-second / 30)
    heat = msgspec.structs.replace(make_status().heat, temps_c={"cpu-thermal": round(temp_c, 1), "rp1_adc": 48.4})
    return replace_beat(make_status(heat=heat), fps=0.0 if 30 <= second < 33 else 15.0)
