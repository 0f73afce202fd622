"""Behaves as OpenVINO on a machine with an Intel GPU, and tells what a model was to be compiled with."""

import os

import openvino_base
from openvino_base import Type as Type


class Core(openvino_base.Core):
    def get_property(self, device, name):
        assert (device, name) == ("GPU", "SUPPORTED_PROPERTIES")
        return os.environ["GPU_PROPERTIES"].split()

    def compile_model(self, _, device, properties):
        raise RuntimeError(f"{device} {sorted(properties.items())}")
