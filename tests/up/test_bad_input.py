"""What a user reads whom ``edgefuse up`` cannot serve: exit code 2, and what to do."""

from __future__ import annotations

import socket
from pathlib import Path

from fakes.command import run

from edgefuse import paths
from edgefuse.config.site import site_path
from edgefuse.fleet.enrolment import init_site
from edgefuse.fleet.site import load_register
from edgefuse.up.home import open_site


def refusal(*arguments: str, folder: Path, **variables: str) -> str:
    """Give what the command says that must refuse its input."""
    code, _, err = run("up", *arguments, folder=folder, **variables)
    assert code == 2, err
    assert "Traceback" not in err
    return err


def test_a_port_that_another_program_has(root: Path, broker: str, tmp_path: Path) -> None:
    port = open_site(paths.fleet_dir()).port
    with socket.create_server(("127.0.0.1", port + 1)):
        said = refusal(folder=tmp_path)
    assert said == f"edgefuse: cannot start the broker: port {port + 1} is taken; end what has it (ss -ltnp)\n"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot write" in refusal(folder=tmp_path, EDGEFUSE_ROOT=str(tmp_path / "file/root"))


def test_a_real_site(root: Path, broker: str, tmp_path: Path) -> None:
    init_site(paths.fleet_dir(), "broker.example", 8883)
    assert "its broker is on broker.example; EDGEFUSE_ROOT=FOLDER" in refusal(folder=tmp_path)
    assert load_register(paths.fleet_dir()).members == {}


def test_a_source_that_is_not_there(root: Path, broker: str, tmp_path: Path) -> None:
    said = refusal("--source", "gone.mp4", folder=tmp_path)
    assert said.startswith("edgefuse: cannot read gone.mp4: no such file\n")
    assert said.endswith("cannot bring edgefuse up: the pipeline does not run; the reason is above\n")
    assert not site_path().exists()
