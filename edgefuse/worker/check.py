"""Checking what a worker would be told to run: everything that needs no camera and opens no model."""

from __future__ import annotations

import sys

import msgspec

from edgefuse import ipc
from edgefuse.errors import EdgefuseError
from edgefuse.planning.board import probe_board
from edgefuse.planning.child import answer_parent
from edgefuse.planning.proof import plan_unit
from edgefuse.store.state import load_state, state_path
from edgefuse.worker.orders import request_of
from edgefuse.worker.run import check_request


def answer_check() -> None:
    """Read a ``Start`` from stdin and answer what is wrong with it, a line a mistake; nothing where nothing is."""
    answer_parent(lambda: describe_mistakes(msgspec.json.decode(sys.stdin.buffer.read(), type=ipc.Start)).encode())


def describe_mistakes(start: ipc.Start) -> str:
    """Check addresses, stage options, the point, and that something can run here."""
    try:
        board = probe_board(start.profile)
        check_request(request_of(start), board.profile)
        plan_unit(board.profile, board.release, board.host, board.store, load_state(state_path()))
    except EdgefuseError as e:
        return str(e)
    return ""
