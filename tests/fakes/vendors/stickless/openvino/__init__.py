"""Behaves as OpenVINO 2022.3 with the MYRIAD plugin while no Neural Compute Stick is plugged in."""

import openvino_base
from openvino_base import Type as Type


class Core(openvino_base.Core):
    def compile_model(self, *_):
        raise RuntimeError("Can not init Myriad device: NC_ERROR")
