"""The fleet's database: its tables, and one way to read and to write it, SQLite or PostgreSQL.

What devices say is kept as they said it, in JSON, with columns only for what is asked for; so a field that is new on
the wire needs no new schema. All times are Unix time by the clock of the controller that heard of it, because a device
may have any.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from edgefuse.errors import ConfigError, EdgefuseError

SCHEMA_VERSION = 1

METRICS = ("temp_c", "power_w", "mem_mb", "fps", "latency_p95_ms", "faces", "point")
"""What history keeps, each as its count, sum, least and greatest in hundredths: SQLite takes two bytes for such a whole
number and eight for a fraction, and sums of whole numbers do not depend on the order."""

BUSY_S = 5.0
"""So long a writer waits for another; then the batch is tried again later."""
_SQLITE = ("PRAGMA journal_mode=WAL", "PRAGMA cache_size=-32000", "PRAGMA journal_size_limit=67108864")
_POSTGRESQL = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=60s -c lock_timeout=10s -c timezone=UTC",
}

_METADATA = MetaData()

_SCHEMA = Table("schema", _METADATA, Column("version", Integer, primary_key=True))

DEVICES = Table(
    "devices",
    _METADATA,
    Column("device", Text, primary_key=True),
    Column("presence", Text),
    Column("since_s", Double),
    Column("state", Text),
    Column("state_s", Double),
    Column("inventory", Text),
    Column("deployment", Text),
    Column("deployment_seq", BigInteger),
)
"""What a device is and whether it is there: rarely written."""

REPORTS = Table(
    "reports",
    _METADATA,
    Column("device", Text, primary_key=True),
    Column("system", Text),
    Column("pipeline", Text),
    Column("reported_s", Double, nullable=False),
)
"""The newest figures of each device: short rows, because they are written all the time."""

EVENTS = Table(
    "events",
    _METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("device", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("heard_s", Double, nullable=False),
    Column("event", Text, nullable=False),
    UniqueConstraint("device", "stream", "n"),
    sqlite_autoincrement=True,
)
"""In the order in which they came; an ``id`` is never used again."""

CONTROLLERS = Table(
    "controllers",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("listening_since_s", Double, nullable=False),
    Column("beat_s", Double, nullable=False),
)
"""Who listens to the devices, and until when: silence proves nothing where nobody listens."""

LEASES = Table(
    "leases",
    _METADATA,
    Column("duty", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until_s", Double, nullable=False),
)
"""Who does what only one controller may do."""

MARKS = Table("marks", _METADATA, Column("name", Text, primary_key=True), Column("t_s", BigInteger, nullable=False))
SUMMED_UP = "summed up"
"""The mark up to which finer history is in the coarser one."""


def _make_history(name: str) -> Table:
    """Give a table whose rows lie in the order of time, so that writing and forgetting touch one end of it."""
    columns = (
        Column(f"{metric}_{part}", BigInteger, nullable=part in {"min", "max"}, server_default="0" if is_sum else None)
        for metric in METRICS
        for part, is_sum in (("n", True), ("sum", True), ("min", False), ("max", False))
    )
    keys = (Column("t_s", BigInteger, primary_key=True), Column("device", Text, primary_key=True))
    return Table(name, _METADATA, *keys, *columns, sqlite_with_rowid=False)


HISTORY = {10: _make_history("history_10s"), 300: _make_history("history_5min"), 3600: _make_history("history_1h")}
"""Buckets by their length in seconds."""


class DatabaseError(EdgefuseError):
    """The database is not there, full, or busy for too long; trying again later may help."""


class Database:
    """Used by any thread; each use has a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        """Take what ``open_database`` made."""
        self._engine = engine
        self.name = engine.url.set(drivername=engine.dialect.name).render_as_string()
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading.

        Raises:
            DatabaseError: It cannot be read.
        """
        with self._told("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, is_durable: bool = True) -> Iterator[Connection]:
        """Give a connection whose changes are made all or none; with ``is_durable`` no power cut undoes them.

        Raises:
            DatabaseError: It cannot be written; nothing has changed.
        """
        options = {"is_writing": True, "is_durable": is_durable}
        with self._told("write"), self._engine.execution_options(**options).begin() as connection:
            yield connection

    def close(self) -> None:
        """End all connections."""
        self._engine.dispose()

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as e:
            raise DatabaseError(f"cannot {verb} database {self.name}: {_find_reason(e)}") from e


def open_database(url: str) -> Database:
    """Open a database, and make its tables where there are none.

    Args:
        url: ``sqlite:////a/file`` or ``postgresql://user@host/name``, without a password.

    Raises:
        ConfigError: The address is none, or its driver is not installed.
        DatabaseError: It cannot be read or written, or a newer edgefuse made it.
    """
    database = Database(_make_engine(url))
    try:
        _prepare(database)
    except DatabaseError:
        database.close()
        raise
    return database


def _prepare(database: Database) -> None:
    with database.writing() as connection:
        if not database.is_sqlite:  # two controllers may start at once
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4533301)")
        _METADATA.create_all(connection)
        version = connection.execute(select(_SCHEMA.c.version)).scalar()
        if version is None:
            connection.execute(insert(_SCHEMA).values(version=SCHEMA_VERSION))
            connection.execute(insert(MARKS).values(name=SUMMED_UP, t_s=0))
    if version not in {None, SCHEMA_VERSION}:
        raise DatabaseError(f"cannot use database {database.name}: it has version {version}; update edgefuse")


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin a statement that adds a row or, with what follows, changes the one that is there."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as e:
        raise ConfigError(f"cannot open database '{url}': give sqlite:////FILE or postgresql://HOST/NAME") from e
    if parsed.password:
        raise ConfigError(
            f"cannot open database {parsed.render_as_string()}: all users of this machine can read a password on the "
            "command line; put it into ~/.pgpass"
        )
    if parsed.drivername not in {"sqlite", "postgresql"}:
        raise ConfigError(f"cannot open database '{url}': give sqlite:////FILE or postgresql://HOST/NAME")
    if parsed.drivername == "sqlite":
        _make_file(parsed.database, url)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        url_of_driver = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(url_of_driver, connect_args=_POSTGRESQL, pool_pre_ping=True)  # the server may restart
    except ModuleNotFoundError as e:
        raise ConfigError(f"cannot open database {url}: {e}; pip install 'edgefuse[postgresql]'") from e
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _make_file(path: str | None, url: str) -> None:
    """Make the file of SQLite, which would let all users read it, and would not say what is wrong with its folder.

    Raises:
        ConfigError: There is no such folder, or it cannot be written.
    """
    if not path:
        raise ConfigError(f"cannot open database '{url}': it names no file; give sqlite:////FILE")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as e:
        raise ConfigError(f"cannot open database {url}: {e.strerror}; its folder must be there and yours") from e


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Let readers and one writer work at once; the driver's connection has no type here."""
    connection.isolation_level = None  # the driver begins nothing by itself
    for statement in _SQLITE:
        connection.execute(statement)


def _begin_sqlite(connection: Connection) -> None:
    """Begin as a writer from the start: one who reads first may be refused when it comes to write."""
    options = connection.get_execution_options()
    if options.get("is_writing"):
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA synchronous={'FULL' if options['is_durable'] else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("is_writing") else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if not connection.get_execution_options().get("is_durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _find_reason(error: SQLAlchemyError) -> str:
    """Give what the database itself said, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
