"""Behaves as the GPU wheel does on a machine without the GPU's libraries: it lists CUDA, and runs on the processor."""

__version__ = "0.0"


def set_default_logger_severity(level):
    pass


def get_available_providers():
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


class SessionOptions:
    def add_session_config_entry(self, key, value):
        pass


class InferenceSession:
    def __init__(self, path, options, providers, enable_fallback):
        pass

    def get_providers(self):
        return ["CPUExecutionProvider"]
