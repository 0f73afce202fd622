"""A real PostgreSQL on a socket of its own, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fakes.memory_folder import memory_folder

_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
"""PostgreSQL refuses to run as root."""


class PostgreSql:
    """Has one database, for one test at a time."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Prepare a cluster in a folder; ``programs`` has initdb."""
        self._programs = programs
        self._folder = folder
        self._run("initdb", "-D", folder / "data", "-U", "edgefuse", "-E", "UTF8", "--locale=C", "-A", "trust", "-N")

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        settings = f"-c listen_addresses= -c fsync=off -k {self._folder}"
        log = self._folder / "log"
        self._run("pg_ctl", "start", "-w", "-D", self._folder / "data", "-l", log, "-o", settings)

    def stop(self) -> None:
        """Stop, and throw everybody out."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._folder / "data")

    def empty_database(self) -> str:
        """Give the address of the database, in which nothing is any more."""
        host = str(self._folder)
        with psycopg.connect(host=host, user="edgefuse", dbname="postgres", autocommit=True) as connection:
            connection.execute("SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return f"postgresql://edgefuse@/postgres?host={host}"

    def _run(self, program: str, *arguments: str | Path) -> None:
        user = _NOBODY if os.geteuid() == 0 else ()
        subprocess.run([*user, self._programs / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """Run it for tests, which are skipped where it is not installed."""
    programs = _find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as short, memory_folder(Path(short)) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        server = PostgreSql(programs, folder)
        server.start()
        yield server
        server.stop()


def _find_programs() -> Path | None:
    """Give the folder of initdb, which Debian has not on the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)
