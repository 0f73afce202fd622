"""Behaves as OpenVINO 2022.3 with a Neural Compute Stick, as far as it is asked here: as documented, not as seen."""


class Type:
    class f32:  # noqa: N801 - OpenVINO's name
        @staticmethod
        def to_dtype():
            return "float32"


class Model:
    inputs = outputs = ()

    def is_dynamic(self):
        return False

    def get_property(self, name):
        raise RuntimeError(f"Unsupported config key: {name}")


class Core:
    is_loaded = False

    def read_model(self, _):
        return Model()

    def compile_model(self, *_):
        self.is_loaded = True
        return Model()

    def get_property(self, device, name):
        if not self.is_loaded or (device, name) != ("MYRIAD", "DEVICE_THERMAL"):
            raise RuntimeError("No device is booted")
        return 61.5
