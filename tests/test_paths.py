import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "edgefuse"


@pytest.mark.parametrize("site", ["lib/python3.11/site-packages", "lib/python3/dist-packages", ""])
def test_an_installed_package_finds_the_data_that_pip_put_beside_it(tmp_path: Path, site: str) -> None:
    package = tmp_path / site / "edgefuse"
    package.mkdir(parents=True)
    for name in ("__init__.py", "paths.py"):
        shutil.copy(PACKAGE / name, package)
    (tmp_path / "share/edgefuse/models").mkdir(parents=True)
    code = "from edgefuse import paths; print(paths.manifest_dir(), paths.checkout_dir())"
    variables = {**os.environ, "PYTHONPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables, cwd="/"
    )
    assert done.stdout == f"{tmp_path}/share/edgefuse/models None\n"


def test_a_checkout_uses_its_own_data() -> None:
    code = "from edgefuse import paths; print(paths.manifest_dir(), paths.checkout_dir())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == f"{PACKAGE.parent}/models {PACKAGE.parent}\n"
