"""Behaves as OpenVINO 2022.3 with the MYRIAD plugin while no Neural Compute Stick is plugged in."""


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

    def compile_model(self, *_):
        raise RuntimeError("Can not init Myriad device: NC_ERROR")
