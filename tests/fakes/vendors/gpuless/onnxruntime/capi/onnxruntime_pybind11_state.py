"""Where ONNX Runtime keeps its native exceptions."""


class NativeError(Exception):
    pass
