"""OpenVINO IR: the XML file says where in the ``.bin`` beside it each constant lies.

Source: https://docs.openvino.ai, "Intermediate Representation Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from xml.etree import ElementTree

from edgefuse.factory.layout import Layout, Tensor
from edgefuse.ota.planes import Width

_WIDTHS: Mapping[str, Width] = {"16": 2, "32": 4, "64": 8}
"""By the bits at the end of an element type such as ``f32``; what is not named is taken byte by byte."""


def find(files: Mapping[str, bytes]) -> Mapping[str, Iterable[Tensor]]:
    """Find the tensors of each ``.bin``."""
    return {
        name: _find(files[str(PurePath(name).with_suffix(".xml"))]) for name in files if PurePath(name).suffix == ".bin"
    }


def _find(description: bytes) -> Iterator[Tensor]:
    for layer in ElementTree.fromstring(description).iter("layer"):
        data = layer.find("data")
        if layer.get("type") == "Const" and data is not None:
            width = _WIDTHS.get(data.attrib["element_type"][-2:], 1)
            key = f"{layer.get('name')} {data.get('shape')}".encode()
            yield Tensor(key, int(data.attrib["offset"]), int(data.attrib["size"]), width)


PLUGIN: Layout = find
