"""The profile's own interpreter, for commands that open models in their own process."""

from __future__ import annotations

import os
import sys

from edgefuse.config.profile import find_profile
from edgefuse.errors import RuntimeMissingError
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.planning.host import read_host
from edgefuse.planning.probe import describe_missing_python, matching_profile

MARK = "EDGEFUSE_WORKER_PYTHON"
"""Variable that names the interpreter that was entered; a profile may name a script, which no process runs as."""


def enter_worker_python(profile_id: str | None) -> None:
    """Start this command anew under the ``worker_python`` of its profile; return where it runs there already.

    Call it before anything is opened: this process is replaced, with its arguments kept.

    Args:
        profile_id: What ``--profile`` names; without it the profile that matches.

    Raises:
        ConfigError: There is no such profile.
        RuntimeMissingError: The interpreter is not there or cannot be started.
    """
    profile = find_profile(profile_id) if profile_id is not None else matching_profile(read_host())
    if profile is None or profile.worker_python is None:
        return
    python = profile.worker_python
    if python in (sys.executable, os.environ.get(MARK)):
        return
    if not os.access(python, os.X_OK):
        raise RuntimeMissingError(f"cannot run models under '{profile.id}': {describe_missing_python(python)}")
    variables = {**child_environment(), MARK: python}
    try:
        os.execve(python, module_command(python, "edgefuse", *sys.argv[1:]), variables)
    except OSError as e:
        raise RuntimeMissingError(
            f"cannot run models under '{profile.id}': its worker_python {python} does not start: {e.strerror} "
            "(docs/boards.md shows what it must be)"
        ) from e
