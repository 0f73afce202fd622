"""``edgefuse fleet serve``: what takes in all that devices say; what systemd starts on the operator's machine."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.errors import ConfigError

if TYPE_CHECKING:
    from edgefuse.cli._fleet_actions import Actions

logger = logging.getLogger(__name__)

_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}\Z")


def add_actions(actions: Actions) -> None:
    """Add what serves a site."""
    about = "take in what all devices say, and keep it in a database, until stopped"
    serving = add_action(actions, "serve", about, " --database postgresql:///fleet", _serve)
    add_database(serving)
    text = "of this controller, which no other one has at the same time (default %(default)s)"
    serving.add_argument("--name", default=_find_name(), help=text)
    add_site(serving)


def add_database(parser: argparse.ArgumentParser) -> None:
    """Let the user name the database that an action works on."""
    text = "sqlite:////FILE or postgresql://USER@HOST/NAME (default fleet.sqlite in the site's folder)"
    parser.add_argument("--database", metavar="URL", help=text)


def database_url(options: argparse.Namespace) -> str:
    """Give the address of the database that is meant."""
    url: str | None = options.database
    return url or f"sqlite:///{site_folder(options)}/fleet.sqlite"


def _serve(options: argparse.Namespace) -> int:
    from edgefuse.fleet.controller import Controller
    from edgefuse.fleet.database import open_database
    from edgefuse.fleet.listening import Listening
    from edgefuse.fleet.serving import serve
    from edgefuse.fleet.session import make_tls
    from edgefuse.fleet.site import load_register

    if not _NAME.match(options.name):
        raise ConfigError(f"cannot serve as '{options.name}': a controller's name has a-z, 0-9 and -, 63 characters")
    folder = site_folder(options)
    broker = load_register(folder).operators_broker
    listening = Listening(options.name, broker, make_tls(folder))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with closing(open_database(database_url(options))) as database:
        logger.info("serving broker=%s:%d database=%s name=%s", broker.host, broker.port, database.name, options.name)
        serve([Controller(database, listening, options.name)], stop)
    return 0


def _find_name() -> str:
    """Give this machine's name as far as it can be one."""
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower()).strip("-")[:63] or "controller"
