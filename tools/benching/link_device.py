"""A device in a process of its own: the real link over a daemon that only pretends, for measuring and for fuzzing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fakes.daemon import Daemon, linked


class Device:
    """The device ``dev1``; everything of it lies below ``folder``."""

    def __init__(self, folder: Path, url: str) -> None:
        command = [sys.executable, "-m", "benching.link_device", str(folder), url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def say(self, text: str) -> None:
        """Have it tell an event."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def rss_mb(self) -> float:
        """Give its resident memory."""
        return rss_mb(self.process.pid)

    def close(self) -> int:
        """Let it end in order, and give its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait()


def rss_mb(pid: int) -> float:
    """Give the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Give the processor time of a process so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run until stdin is closed; each line is an event to tell."""
    folder, url = Path(sys.argv[1]), sys.argv[2]
    daemon = Daemon()
    with linked(folder, daemon, url) as link:
        for line in sys.stdin:
            link.say("info", "told", line.strip())
    daemon.close()


if __name__ == "__main__":
    main()
