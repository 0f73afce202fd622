"""``python -m edgefuse.worker``: the process that the supervisor starts to hold camera, models and pixels."""

from __future__ import annotations

import argparse
import faulthandler
import os
import socket
import sys
from pathlib import Path

from edgefuse import log
from edgefuse.in_flight import map_in_flight
from edgefuse.memory import share_one_heap
from edgefuse.worker.link import Link
from edgefuse.worker.signs import SignsOfLife


def main() -> int:
    """Serve the supervisor, or check a site configuration or a release, and give the exit code."""
    parser = argparse.ArgumentParser(prog="edgefuse.worker", description=__doc__)
    parser.add_argument("--ipc", type=int, metavar="FD", help="inherited end of a socket pair")
    parser.add_argument("--in-flight", type=int, metavar="FD", help="inherited memory file for breadcrumbs")
    parser.add_argument("--check-config", type=Path, metavar="FILE", help="say what is wrong with a site configuration")
    parser.add_argument("--check-release", type=Path, metavar="FILE", help="say whether a release may be tried here")
    parser.add_argument("--answer", type=int, metavar="FD", help="inherited descriptor for the report of that")
    parser.add_argument("--limit-s", type=float, metavar="S", help="what each model may take in it")
    parser.add_argument("--profile", metavar="ID", help="profile to use in it in place of the one that matches")
    parser.add_argument("--memory-mb", type=int, metavar="N", help="what a worker may use, in place of the profile's")
    options = parser.parse_args()
    log.start(is_verbose=False)
    if options.check_config:
        from edgefuse.worker.check import answer_check

        return answer_check(options.check_config)
    if options.check_release:
        from edgefuse.worker.check_release import Question, answer_release_check

        question = Question(options.check_release, options.profile, options.memory_mb, options.limit_s)
        return answer_release_check(question, options.answer)
    if options.ipc is None or options.in_flight is None:
        parser.error("the supervisor starts this with --ipc and --in-flight; `edgefuse run` is for people")
    faulthandler.enable()  # what each thread was at, into the log, when native code dies
    share_one_heap()  # a heap that one of the threads below had begun, the pipeline's would take turns with
    link = Link(socket.socket(fileno=options.ipc))
    signs = SignsOfLife(link)
    from edgefuse.worker.service import serve  # takes long to load from a slow card

    return serve(link, signs, map_in_flight(options.in_flight))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed. Native libraries that are taken down with the interpreter may crash, which would be blamed
    # on a model, and take their time.
    os._exit(code)
