"""``edgefuse fleet serve``: what takes in all that devices say; what systemd starts on the operator's machine."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.errors import ConfigError
from edgefuse.log import is_journal
from edgefuse.memory import share_one_heap

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions
    from edgefuse.fleet.database import Database
    from edgefuse.fleet.serving import Component

logger = logging.getLogger(__name__)

_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}\Z")


def add_actions(actions: Actions) -> None:
    """Add what serves a site."""
    about = "take in what all devices say, and keep it in a database, until stopped"
    serving = add_action(actions, "serve", about, " --database postgresql:///fleet", _serve)
    add_database(serving)
    text = "show all devices to Prometheus there; a PORT alone is for this machine only"
    serving.add_argument("--metrics", metavar="[ADDRESS:]PORT", help=text)
    text = "give devices over the broker what edgefuse release publish has written into FOLDER"
    serving.add_argument("--repository", metavar="FOLDER", type=Path, help=text)
    _add_console(serving)
    text = "of this controller, which no other one has at the same time (default %(default)s)"
    serving.add_argument("--name", default=_find_name(), help=text)
    add_site(serving)


def add_database(parser: argparse.ArgumentParser) -> None:
    """Let the user name the database that an action works on."""
    text = "sqlite:////FILE or postgresql://USER@HOST/NAME (default fleet.sqlite in the site's folder)"
    parser.add_argument("--database", metavar="URL", help=text)


def _add_console(parser: argparse.ArgumentParser) -> None:
    text = "show all devices to people there; a PORT alone is for this machine only, an ADDRESS needs a certificate"
    parser.add_argument("--console", metavar="[ADDRESS:]PORT", help=text)
    parser.add_argument("--console-cert", metavar="FILE", type=Path, help="of the console, with its chain, in PEM")
    parser.add_argument("--console-key", metavar="FILE", type=Path, help="of that certificate, in PEM")


def database_url(options: argparse.Namespace) -> str:
    """Give the address of the database that is meant."""
    url: str | None = options.database
    return url or f"sqlite:///{site_folder(options)}/fleet.sqlite"


def _serve(options: argparse.Namespace) -> int:
    from edgefuse.fleet.database import open_database
    from edgefuse.fleet.repository import find_published
    from edgefuse.fleet.serving import serve
    from edgefuse.fleet.site import load_register
    from edgefuse.supervisor.notify import Notifier

    if not _NAME.match(options.name):
        raise ConfigError(f"cannot serve as '{options.name}': a controller's name has a-z, 0-9 and -, 63 characters")
    share_one_heap()  # each answer of the console has a thread of its own
    load_register(site_folder(options))  # no database is made where there is no site
    published = find_published(options.repository) if options.repository else None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with closing(open_database(database_url(options))) as database:
        components = list(_make_components(options, database, published))
        logger.info("serving database=%s name=%s parts=%s", database.name, options.name, [c.name for c in components])
        Notifier().ready()
        serve(components, stop)
    return 0


def _make_components(options: argparse.Namespace, database: Database, published: Path | None) -> Iterator[Component]:
    from edgefuse.fleet.announcer import Announcer
    from edgefuse.fleet.controller import Controller
    from edgefuse.fleet.exporter import Exporter, parse_endpoint
    from edgefuse.fleet.listening import KEEPALIVE_S, Listening
    from edgefuse.fleet.page import read_page
    from edgefuse.fleet.repository import RepositoryService
    from edgefuse.fleet.session import make_tls
    from edgefuse.fleet.site import load_register
    from edgefuse.fleet.store import Store
    from edgefuse.link.connection import Target

    folder, name, store = site_folder(options), options.name, Store(database)
    register = load_register(folder)
    broker, tls = register.operators_broker, make_tls(folder)
    if options.metrics:  # first, because it may not be able to listen
        yield Exporter(parse_endpoint(options.metrics), lambda: read_page(store, folder, controller.counts))
    if options.console:
        yield _make_console(options, database, published)
    if published:
        yield RepositoryService(Target(f"repository-{name}", broker, tls, KEEPALIVE_S, is_lasting=False), published)
    controller = Controller(database, Listening(name, broker, tls), name)
    yield controller
    if register.home_assistant:
        target = Target(f"announcer-{name}", broker, tls, KEEPALIVE_S, is_lasting=False)
        yield Announcer(target, lambda: (store.devices(), load_register(folder)))


def _make_console(options: argparse.Namespace, database: Database, published: Path | None) -> Component:
    """Make the console, and tell how to log in where nobody could yet."""
    from edgefuse.fleet.exporter import parse_endpoint

    folder, files = site_folder(options), (options.console_cert, options.console_key)
    if (files[0] is None) is not (files[1] is None):
        raise ConfigError("cannot show the console with TLS: give both --console-cert and --console-key")
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ConfigError("cannot show the console: its server is not installed; pip install 'edgefuse[console]'")
    from edgefuse.console.app import Scene
    from edgefuse.console.component import Certificate, Console
    from edgefuse.console.tokens import FIRST, has_tokens, make_token

    certificate = None if files[0] is None else Certificate(*files)
    console = Console(Scene(folder, database, published), parse_endpoint(options.console), certificate)
    if has_tokens(folder) or is_journal(1):  # others may read the journal
        print(f"console: {console.url} (edgefuse fleet console token NAME lets somebody in)", flush=True)
    else:
        for name, role in FIRST:
            print(f"console, as {role}: {console.url}#token={make_token(folder, name, role)}", flush=True)
    return console


def _find_name() -> str:
    """Give this machine's name as far as it can be one."""
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower()).strip("-")[:63] or "controller"
