"""Zstandard: Python's own from 3.14 on, and its backport before."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdDict,
        ZstdError,
        ZstdFile,
        compress,
    )
else:
    from backports.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdDict,
        ZstdError,
        ZstdFile,
        compress,
    )

__all__ = ["CompressionParameter", "DecompressionParameter", "ZstdDict", "ZstdError", "ZstdFile", "compress"]
