"""Logging to stderr, where journald or a terminal picks it up."""

import logging
import os

_FORMAT = "%(levelname)s %(name)s: %(message)s"
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))  # Source: sd-daemon(3)
_CHATTY = ("securesystemslib", "tuf")
"""Packages that tell at info level what is only theirs, such as every signature that a key did not make."""


def start(*, is_verbose: bool) -> None:
    """Send every logger of this process to stderr; debug lines only when asked."""
    logging.basicConfig(level=logging.DEBUG if is_verbose else logging.INFO, format=_FORMAT)
    if not is_verbose:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    if is_journal(2):
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JournalFormatter(_FORMAT))


class JournalFormatter(logging.Formatter):
    """Puts the priority before every line, a traceback's too, as journald reads it: ``<4>``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's lines."""
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def is_journal(descriptor: int) -> bool:
    """Tell whether a descriptor is the one that systemd connected to the journal, not a pipe that replaced it."""
    stat = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"
