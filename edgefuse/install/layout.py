"""Where the service's parts lie on a board; one table for putting them there and for taking them away."""

import re
from pathlib import Path

HOME = "/opt/edgefuse"
ENVIRONMENT = re.compile(r"\d\S*-[0-9a-f]{12}")
"""Names of the folders in it that are built here; others are the owner's."""
CURRENT = f"{HOME}/current"
"""Link to the environment that the unit starts."""
FOLDERS = f"{HOME}/folders"
"""Lists the folders outside that were made, one a line, so that they can be taken away again."""
DATA = "/usr/share/edgefuse"
COMMAND = "/usr/local/bin/edgefuse"

UNIT_FILES = {
    "edgefuse.service": "/etc/systemd/system/edgefuse.service",
    "edgefuse.sysusers": "/etc/sysusers.d/edgefuse.conf",
    "edgefuse.tmpfiles": "/etc/tmpfiles.d/edgefuse.conf",
    "99-edgefuse-ncs2.rules": "/etc/udev/rules.d/99-edgefuse-ncs2.rules",
}
"""Files of ``systemd/`` and where they are copied to."""
HARDWARE_WATCHDOG = "/etc/systemd/system.conf.d/edgefuse.conf"
"""Where docs/service.md tells the owner to put the drop-in; taken away with the service."""
DROP_INS = "/etc/systemd/system/edgefuse.service.d"

CONFIG = "/etc/edgefuse"
SITE = f"{CONFIG}/edgefuse.yaml"
STATE = "/var/lib/edgefuse"
CACHE = "/var/cache/edgefuse"
RUN = "/run/edgefuse"


def is_own_command(path: Path) -> bool:
    """Tell whether the command there is the service's, not another that somebody installed."""
    return path.is_symlink() and CURRENT.lstrip("/") in str(path.readlink())
