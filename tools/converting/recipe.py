"""What is made from what: one row for every variant that no package carries."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from converting.errors import ConvertError
from edgefuse.config.manifest import Format, Precision

TOOLS = Path(__file__).resolve().parents[1]
SUFFIXES: dict[Format, str] = {"tflite": "tflite", "onnx": "onnx"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One variant, the variant of the same model that it is made from, and the edit that makes it."""

    model: str
    source: str
    edit: str
    format: Format
    precision: Precision
    size_px: int

    @property
    def variant(self) -> str:
        """Id of the variant that it makes."""
        return f"{self.precision}-{self.size_px}-{self.format}"

    @property
    def file_name(self) -> str:
        """Name of the file that it makes."""
        return f"{self.model}-{self.precision}-{self.size_px}.{SUFFIXES[self.format]}"

    def make(self, python: Path, source: Path, folder: Path) -> Path:
        """Make the file.

        Args:
            python: Interpreter of the converters' environment.
            source: The file of the variant that it is made from.
            folder: Where to put the result.

        Raises:
            ConvertError: The converter failed; its words are above.
        """
        target = folder / self.file_name
        command = [str(python), "-m", "converting.convert_file", self.edit, str(source), str(target)]
        command += ["--size", str(self.size_px)]
        variables = {**os.environ, "PYTHONPATH": str(TOOLS)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=variables)
        if done.returncode != 0 or not target.exists():
            print(done.stdout, done.stderr, sep="\n")
            raise ConvertError(f"cannot make {self.variant} of '{self.model}': the converter failed, see above")
        return target


def _from_tflite(model: str, size_px: int) -> tuple[Recipe, ...]:
    """ONNX of a TFLite model for runtimes that read no TFLite, and in float16 for MYRIAD, which takes nothing else."""
    return (
        Recipe(model, f"fp32-{size_px}-tflite", "from-tflite", "onnx", "fp32", size_px),
        Recipe(model, f"fp32-{size_px}-onnx", "halve", "onnx", "fp16", size_px),
    )


def _from_onnx(model: str, size_px: int, original_px: int) -> tuple[Recipe, ...]:
    """One size of a fully convolutional ONNX model in all forms."""
    resized = Recipe(model, f"fp32-{original_px}-onnx", "resize", "onnx", "fp32", size_px)
    return (
        *((resized,) if size_px != original_px else ()),
        Recipe(model, f"fp32-{size_px}-onnx", "to-tflite", "tflite", "fp32", size_px),
        Recipe(model, f"fp32-{size_px}-onnx", "halve", "onnx", "fp16", size_px),
    )


RECIPES = (
    *_from_tflite("blazeface-short", 128),
    *_from_tflite("blazeface-full", 192),
    *_from_tflite("facemesh", 192),
    *_from_onnx("yunet", 640, original_px=640),
    *_from_onnx("yunet", 320, original_px=640),
    *_from_onnx("yunet", 160, original_px=640),
)
"""In an order in which every source stands before what is made from it."""
