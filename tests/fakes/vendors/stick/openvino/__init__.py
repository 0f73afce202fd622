"""Behaves as OpenVINO 2022.3 with a Neural Compute Stick, as far as it is asked here: as documented, not as seen."""

import openvino_base
from openvino_base import Type as Type


class Model(openvino_base.Model):
    def get_property(self, name):
        raise RuntimeError(f"Unsupported config key: {name}")


class Core(openvino_base.Core):
    is_loaded = False

    def compile_model(self, *_):
        self.is_loaded = True
        return Model()

    def get_property(self, device, name):
        if not self.is_loaded or (device, name) != ("MYRIAD", "DEVICE_THERMAL"):
            raise RuntimeError("No device is booted")
        return 61.5
