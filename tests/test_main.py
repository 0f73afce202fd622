import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.command import run

from edgefuse import registry
from edgefuse.__main__ import main
from edgefuse.cli import plan


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    help_text = capsys.readouterr().out
    assert help_text.startswith("usage: edgefuse")
    assert "exit codes: 0 done" in help_text


@pytest.mark.parametrize("name", registry.names("edgefuse.cli"))
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = name.replace("_", "-")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"edgefuse {command}" in capsys.readouterr().out.partition("example: ")[2]


def test_help_loads_neither_pixels_nor_vendors() -> None:
    code = (
        "import sys\n"
        "from edgefuse.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'cv2', 'av', 'openvino', 'onnxruntime'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_what_a_user_can_mend_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    code, out, err = run("plan", "--profile", "generic-x86", folder=tmp_path)
    assert (code, out) == (2, "")
    assert err == "edgefuse: cannot find profile 'generic-x86': did you mean 'generic-x86-64'?\n"


@pytest.mark.parametrize("arguments", ["plan --profile raspberry-pi-5 --json", "models verify", "--help"])
def test_a_reader_that_goes_away_is_no_error(arguments: str, root: Path) -> None:
    command = f"{sys.executable} -m edgefuse {arguments} | true; exit ${{PIPESTATUS[0]}}"
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert arguments == "--help" or root.is_dir()


def test_a_folder_of_somebody_else_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: object) -> int:
        raise PermissionError(13, "Permission denied", "/root/store")  # tests may run as root, whom nothing is denied

    monkeypatch.setattr(plan, "PLUGIN", replace(plan.PLUGIN, run=run))
    assert main(["plan"]) == 2
    assert capsys.readouterr().err == (
        "edgefuse: cannot open /root/store: permission denied; run as its owner or mend it\n"
    )


def test_a_named_command_is_loaded_alone() -> None:
    code = (
        "import sys\n"
        "from edgefuse.__main__ import main\n"
        "try: main(['-v', 'models', '--help'])\n"
        "except SystemExit: pass\n"
        "assert {name for name in sys.modules if name.startswith('edgefuse.cli.') and '._' not in name}"
        " == {'edgefuse.cli.models'}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
