"""Checks in a container with a real systemd, in this order; `purge` leaves it as `install` found it."""

from __future__ import annotations

import grp
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from unit import (
    UNIT,
    CheckError,
    expect,
    frames_flow_from,
    run,
    show,
    status,
    supervisor_pid,
    wait,
    worker_pids,
)

CHECKS = Path("/checks")
STATE = Path("/var/lib/edgefuse/state.json")
SITE = Path("/etc/edgefuse/edgefuse.yaml")
JOINED = Path("/etc/edgefuse/link")
OUR_SITE = "source: pattern\nsink: 'null'\neffect: anonymise\nprofile: raspberry-pi-4\n"
INSTALL = ("install-service", "--profile", "raspberry-pi-4", "--wheelhouse", "/checks/wheels", "--json")

# What a running system writes anywhere, service or not.
_NOT_COMPARED = ("checks", "dev", "proc", "run", "sys", "tmp", "var/log", "var/tmp", "var/lib/systemd")


def _bring(*arguments: str) -> str:
    """Run the edgefuse that somebody has put into a folder of their own."""
    return run(
        *("/usr/bin/python3", "-m", "edgefuse", *arguments),
        **{**os.environ, "PYTHONPATH": "/checks/bootstrap", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _files() -> dict[str, str]:
    """Give every path of the system, and what the account files say."""
    found = {}
    for folder, folders, names in os.walk("/"):
        here = Path(folder).relative_to("/")
        folders[:] = [name for name in folders if str(here / name) not in _NOT_COMPARED]
        found.update({str(here / name): "" for name in (*folders, *names)})
    for name in ("etc/passwd", "etc/group"):
        found[name] = Path("/", name).read_text(encoding="utf-8")
    return found


def install() -> str:
    """``install-service --now`` makes a service that systemd calls active because it said so."""
    (CHECKS / "files.json").write_text(json.dumps(_files()))
    JOINED.mkdir(parents=True, mode=0o700)  # as `edgefuse join` leaves it where there is no service yet
    SITE.write_text(OUR_SITE)
    shutil.copytree(CHECKS / "store", "/var/lib/edgefuse/store", symlinks=True)
    report = json.loads(_bring(*INSTALL, "--now"))
    expect("missing models", report["missing_models"], "")
    expect("is running", report["is_running"], True)
    expect("Type", show("Type"), "notify")
    expect("ActiveState", (show("ActiveState"), show("SubState"), show("NRestarts")), ("active", "running", "0"))
    expect("enabled", run("systemctl", "is-enabled", UNIT).strip(), "enabled")
    expect("the owner's configuration", SITE.read_text(), OUR_SITE)
    expect("the owner of the fleet's credentials", (JOINED.owner(), JOINED.stat().st_mode & 0o777), ("edgefuse", 0o700))
    took_s = wait("frames", frames_flow_from, 60)
    return f"frames {took_s:.1f} s after systemd called it active"


def install_again() -> str:
    """The same again changes nothing and restarts nothing."""
    pid, before = supervisor_pid(), _stamps()
    report = json.loads(_bring(*INSTALL, "--now"))
    expect("changed", report["installed"]["changed"], [])
    expect("files", _stamps(), before)
    expect("main process", supervisor_pid(), pid)
    return "no file, no process"


def _stamps() -> dict[str, tuple[int, int]]:
    """Give inode and time of every file that an installation makes."""
    places = [Path("/opt/edgefuse"), Path("/etc"), Path("/usr/share/edgefuse"), Path("/usr/local/bin")]
    files = [path for place in places for path in (place, *place.rglob("*"))]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in files}


def sandbox() -> str:
    """Supervisor and worker have no capabilities, no way to get any, and a filter of system calls."""
    for pid in (supervisor_pid(), *worker_pids()):
        rows = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        expect(f"{pid}: capabilities", int(rows["CapEff"], 16) | int(rows["CapBnd"], 16), 0)
        expect(f"{pid}: no new privileges, filter", (rows["NoNewPrivs"], rows["Seccomp"]), ("1", "2"))
        if rows["Uid"].split()[0] == "0":
            raise CheckError(f"{pid} runs as root")
        if str(grp.getgrnam("systemd-journal").gr_gid) not in rows["Groups"].split():
            raise CheckError(f"{pid} may not read the journal")
    return "supervisor and worker"


def kill_worker() -> str:
    """A worker that is killed is replaced by the same supervisor."""
    wait("frames", frames_flow_from, 30)
    worker, supervisor = status()["service"]["pid"], supervisor_pid()
    os.kill(worker, signal.SIGKILL)
    took_s = wait("frames of another worker", lambda: frames_flow_from(worker), 30)
    expect("main process", supervisor_pid(), supervisor)
    warned = run("journalctl", "--unit", UNIT, "--priority", "warning", "--output", "cat")
    if "SIGKILL" not in warned:
        raise CheckError(f"the journal has no warning of it: {warned[-300:]!r}")
    return f"frames after {took_s:.1f} s, a warning in the journal"


def kill_supervisor() -> str:
    """A supervisor that is killed is started again by systemd, and nothing of the old worker stays."""
    wait("frames", frames_flow_from, 30)
    supervisor, workers = supervisor_pid(), worker_pids()
    os.kill(supervisor, signal.SIGKILL)
    took_s = wait("another supervisor with frames", lambda: _is_replaced(supervisor), 40)
    expect("old workers", worker_pids() & workers, set())
    return f"frames after {took_s:.1f} s"


def freeze_supervisor() -> str:
    """A supervisor that stands still misses the watchdog and is replaced."""
    wait("frames", frames_flow_from, 30)
    supervisor = supervisor_pid()
    os.kill(supervisor, signal.SIGSTOP)
    took_s = wait("another supervisor with frames", lambda: _is_replaced(supervisor), 70)
    said = run("journalctl", "--unit", UNIT, "--output", "cat")
    if "Watchdog timeout" not in said:
        raise CheckError("it was replaced, but not by the watchdog")
    return f"frames after {took_s:.1f} s"


def _is_replaced(pid: int) -> bool:
    return supervisor_pid() not in (0, pid) and show("ActiveState") == "active" and frames_flow_from()


def reload() -> str:
    """A broken file is refused and the old one goes on; a good one is taken, by the same supervisor."""
    wait("frames", frames_flow_from, 30)
    supervisor = supervisor_pid()
    SITE.write_text("sauce: pattern\n")
    run("systemctl", "reload", UNIT)
    wait("the refusal", lambda: _has_event("configuration_refused"), 10)
    SITE.write_text(OUR_SITE.replace("anonymise", "none"))
    run("systemctl", "reload", UNIT)
    took_s = wait(
        "the new effect", lambda: status()["settings"]["effect"]["value"] == "none" and frames_flow_from(), 20
    )
    expect("main process", supervisor_pid(), supervisor)
    return f"the new effect after {took_s:.1f} s"


def _has_event(kind: str) -> bool:
    return any(event["kind"] == kind for event in status()["events"])


def stop_start() -> str:
    """``systemctl stop`` is drained and gone in time, and leaves no process."""
    wait("frames", frames_flow_from, 30)
    run("systemctl", "stop", UNIT)
    took_s = (int(show("InactiveEnterTimestampMonotonic")) - int(show("ActiveExitTimestampMonotonic"))) / 1e6
    expect("result", show("Result"), "success")
    expect("workers", worker_pids(), set())
    if took_s > 5:
        raise CheckError(f"it took {took_s:.1f} s to stop")
    run("systemctl", "start", UNIT)
    return f"gone after {took_s:.1f} s"


def reboot() -> str:
    """Service and state come back by themselves."""
    wait("frames", frames_flow_from, 60)
    return "frames, and the state of before" if STATE.is_file() else "frames; there was no state yet"


def uninstall() -> str:
    """Without ``--purge`` configuration and state stay, and a new installation finds them."""
    run("edgefuse", "uninstall-service")
    for path in (SITE, STATE.parent / "store"):
        if not path.exists():
            raise CheckError(f"{path} is gone")
    expect("unit", subprocess.run(["systemctl", "cat", UNIT], capture_output=True, check=False).returncode, 1)
    expect("workers", worker_pids(), set())
    _bring(*INSTALL, "--now")
    wait("frames", frames_flow_from, 60)
    return "and back again"


def purge() -> str:
    """``uninstall-service --purge`` leaves the files, users and groups that were there before."""
    run("edgefuse", "uninstall-service", "--purge")
    before, after = json.loads((CHECKS / "files.json").read_text()), _files()
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    expect(f"{len(changed)} paths that differ", changed[:9], [])
    expect("workers", worker_pids(), set())
    return f"{len(after)} paths compared"


SCENARIO = (
    install,
    install_again,
    sandbox,
    kill_worker,
    kill_supervisor,
    freeze_supervisor,
    reload,
    stop_start,
    reboot,
    uninstall,
    purge,
)
