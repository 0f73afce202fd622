"""Make one model file from another; runs in the converters' environment.

python -m converting.convert_file from-tflite model.tflite model.onnx
python -m converting.convert_file resize model.onnx smaller.onnx --size 320
python -m converting.convert_file halve model.onnx half.onnx
python -m converting.convert_file to-tflite model.onnx model.tflite
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import onnx

from converting import graph


def from_tflite(source: Path) -> onnx.ModelProto:
    """Convert a TFLite file to ONNX; its image input stays NHWC, and no PRelu is left."""
    import tf2onnx

    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_tflite(str(source), opset=graph.OPSET)
    return graph.rewrite_prelu(model)


def to_tflite(source: Path) -> bytes:
    """Convert an ONNX file to TFLite in float32; its image input becomes NHWC."""
    import onnx2tf

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A copy, because onnx2tf writes into the file that it reads.
        copy = folder / "model.onnx"
        copy.write_bytes(graph.to_bytes(graph.canonical(onnx.load(source))))
        # Nothing is simplified or named: the canonical form needs neither, and other versions do it in other ways.
        onnx2tf.convert(str(copy), output_folder_path=name, not_use_onnxsim=True, not_use_opname_auto_generate=True)
        return (folder / "model_float32.tflite").read_bytes()


def main() -> None:
    """Run one conversion."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edit", choices=("from-tflite", "resize", "halve", "to-tflite"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--size", type=int, help="width and height of the input in pixels; only resize needs it")
    options = parser.parse_args()
    if options.edit == "to-tflite":
        options.target.write_bytes(to_tflite(options.source))
        return
    if options.edit == "from-tflite":
        model = from_tflite(options.source)
    elif options.edit == "resize":
        model = graph.resize(onnx.load(options.source), options.size)
    else:
        model = graph.halve(onnx.load(options.source))
    model = graph.canonical(model)
    onnx.checker.check_model(model, full_check=True)
    options.target.write_bytes(graph.to_bytes(model))


if __name__ == "__main__":
    main()
