"""Logging to stderr, where journald or a terminal picks it up."""

import logging


def start(*, is_verbose: bool) -> None:
    """Send every logger of this process to stderr; debug lines only when asked."""
    logging.basicConfig(
        level=logging.DEBUG if is_verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
