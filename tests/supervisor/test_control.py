"""Asking over the control socket."""

from __future__ import annotations

import socket
import threading

import pytest

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import GetStatus, ask, socket_path


def test_a_reply_that_is_cut_off_is_no_other_version(unit: None) -> None:
    socket_path().parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(socket_path()))
        listening.listen()

        def answer_half() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b'{"reply":"status","sta')

        thread = threading.Thread(target=answer_half)
        thread.start()
        with pytest.raises(EdgefuseError, match="it went away before it answered"):
            ask(GetStatus(), timeout_s=30)
        thread.join()
