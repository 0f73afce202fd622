"""Behaves as OpenVINO on a machine with an Intel GPU, and tells what a model was to be compiled with."""

import os


class Type:
    class f32:  # noqa: N801 - OpenVINO's name
        @staticmethod
        def to_dtype():
            return "float32"


class Model:
    def is_dynamic(self):
        return False


class Core:
    def read_model(self, _):
        return Model()

    def get_property(self, device, name):
        assert (device, name) == ("GPU", "SUPPORTED_PROPERTIES")
        return os.environ["GPU_PROPERTIES"].split()

    def compile_model(self, _, device, properties):
        raise RuntimeError(f"{device} {sorted(properties.items())}")
