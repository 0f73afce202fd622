"""The whole console as one application: the API's routes, its description, the page's files, headers on all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from edgefuse.console.access import Access
from edgefuse.console.changes import Changes
from edgefuse.console.commands import Commanding
from edgefuse.console.devices import Devices
from edgefuse.console.entry import Entry
from edgefuse.console.headers import Headers
from edgefuse.console.history import History
from edgefuse.console.mirror import Mirror
from edgefuse.console.openapi import make_operation
from edgefuse.console.operation import Operation
from edgefuse.console.picture import Pictures
from edgefuse.console.releases import Deploying
from edgefuse.console.routing import make_routes, tell_missing
from edgefuse.fleet.database import Database
from edgefuse.fleet.store import Store

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a console works on."""

    folder: Path
    """Of the site."""
    database: Database
    published: Path | None = None
    """The repository that this server serves."""


def make_app(scene: Scene, port: int, ending: asyncio.Event) -> ASGIApp:
    """Make the application.

    Args:
        scene: What it works on.
        port: That it is reached by; browsers tell no two ports of a host apart by their cookies.
        ending: Set when streams shall end.
    """
    access, cookie = Access(scene.folder), f"edgefuse-{port}"
    operations = list(make_operations(scene, access, cookie, ending))
    operations.append(make_operation(operations, cookie))
    return Starlette(
        routes=[
            *make_routes(operations, access, cookie),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(Headers)],
        exception_handlers={HTTPException: tell_missing},
    )


def make_operations(scene: Scene, access: Access, cookie: str, ending: asyncio.Event) -> Iterator[Operation]:
    """Give all that the API can do."""
    mirror, store = Mirror(scene.database, scene.folder), Store(scene.database)
    yield from Entry(access, cookie, scene.folder).operations()
    yield from Devices(mirror, store).operations()
    yield from Changes(mirror, access, cookie, ending).operations()
    yield from Commanding(mirror, scene.folder).operations()
    yield from Deploying(scene.folder, scene.published).operations()
    yield from History(scene.folder).operations()
    yield from Pictures(access, cookie, ending).operations()
