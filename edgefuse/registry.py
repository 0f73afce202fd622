"""Plug-ins by file name: a folder of modules, each ending with a typed ``PLUGIN`` line.

The singular module beside a plural folder is the contract; the ``PLUGIN`` line lets mypy check a plug-in against it.
Nothing is imported before it is asked for by name.
"""

import importlib
import pkgutil
from typing import Any  # a plug-in's shape is known from its folder's contract, which mypy checks in each file

from edgefuse.errors import ConfigError


def names(package: str) -> tuple[str, ...]:
    """List the plug-ins of a package such as ``edgefuse.runtimes``, sorted, without importing them."""
    folder = importlib.import_module(package).__path__
    return tuple(sorted(info.name for info in pkgutil.iter_modules(folder) if not info.name.startswith("_")))


def load(package: str, name: str) -> Any:
    """Import one plug-in and give its ``PLUGIN`` object.

    Raises:
        ConfigError: The package has no plug-in of that name.
    """
    known = names(package)
    if name not in known:
        kind = package.rpartition(".")[2].removesuffix("s")
        raise ConfigError(f"cannot load {kind} '{name}': there is none; choose from {', '.join(known)}")
    return importlib.import_module(f"{package}.{name}").PLUGIN
