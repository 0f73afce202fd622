"""Running crops on OpenVINO 2022.3, which is the NCS2's and lives in an older interpreter.

python -m converting.old_openvino MODEL VARIANT.json CROPS.npy OUTPUTS.npz
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from converting import environment, session
from converting.errors import ConvertError
from edgefuse.config.manifest import Variant

NAME = "openvino 2022.3"


def run_crops(python: Path, path: Path, variant: Variant, crops: NDArray[np.uint8]) -> session.Outputs:
    """Do what ``session.run_crops`` does, in a child process.

    Args:
        python: Interpreter of the environment that has OpenVINO 2022.3.
        path: The model file.
        variant: Its description.
        crops: (N, size_px, size_px, 3) uint8 BGR.

    Raises:
        ConvertError: OpenVINO refused the file; its words are above.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "variant.json").write_bytes(msgspec.json.encode(variant))
        np.save(folder / "crops.npy", crops)
        files = (path, *(folder / file for file in ("variant.json", "crops.npy", "outputs.npz")))
        command = [str(python), "-m", "converting.old_openvino", *map(str, files)]
        search = os.pathsep.join(map(str, (environment.REPOSITORY, environment.REPOSITORY / "tools")))
        if subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, check=False).returncode != 0:
            raise ConvertError(f"cannot run {path.name} on {NAME}, see above")
        outputs = np.load(folder / "outputs.npz")
        return [outputs[f"arr_{i}"] for i in range(len(variant.outputs))]


def main(model: Path, variant: Path, crops: Path, outputs: Path) -> None:
    """Do the child's part."""
    description = msgspec.json.decode(variant.read_bytes(), type=Variant)
    np.savez(outputs, *session.run_crops("openvino", model, description, np.load(crops)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
