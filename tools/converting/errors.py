"""The exception of ``tools/convert``."""

from edgefuse.errors import EdgefuseError


class ConvertError(EdgefuseError):
    """A variant cannot be made, or is not good enough."""
