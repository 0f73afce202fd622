"""The exceptions that edgefuse raises.

Texts read ``cannot <verb> <object>: <reason>`` and then say what to do. A class exists only where some caller
treats it differently from its parent.
"""


class EdgefuseError(Exception):
    """Something that a person can understand and mend; a command prints it and exits with code 2."""


class ConfigError(EdgefuseError):
    """A file that people write is wrong; the text has one ``file:line:column: key: reason`` a line."""


class StoreError(EdgefuseError):
    """The store cannot give or keep what was asked for."""


class FetchError(StoreError):
    """A model file could not be brought here; trying again later may help."""


class PlanError(EdgefuseError):
    """No plan exists for this release on this host."""


class RuntimeMissingError(EdgefuseError):
    """A runtime is not installed, or is installed but does not work."""


class RuntimeLoadError(EdgefuseError):
    """A runtime refuses a model file."""


class RuntimeRunError(EdgefuseError):
    """An opened model failed while it ran."""


class SourceError(EdgefuseError):
    """A source cannot be opened or read; final for files."""


class SourceGoneError(SourceError):
    """A live source went away; it may come back, so the reader waits and opens it again."""


class SinkError(EdgefuseError):
    """A sink cannot be opened or written."""


class InstallError(EdgefuseError):
    """The service cannot be put onto a board or taken off it."""
