"""Interpreters that go wrong: shell scripts in the place of Python, for child processes that die or hang."""

from pathlib import Path


def write_interpreter(path: Path, line: str) -> str:
    """Make an executable that runs one line of shell and give its path."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return str(path)
