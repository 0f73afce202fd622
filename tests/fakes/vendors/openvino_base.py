"""What all stand-ins for OpenVINO behave alike in."""


class Type:
    class f32:  # noqa: N801 - OpenVINO's name
        @staticmethod
        def to_dtype():
            return "float32"


class Model:
    inputs = outputs = ()

    def is_dynamic(self):
        return False


class Core:
    def read_model(self, _):
        return Model()
