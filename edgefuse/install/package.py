"""edgefuse itself as a wheel: a wheelhouse's, else built from the checkout, else packed from what is installed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from edgefuse import paths
from edgefuse.errors import InstallError
from edgefuse.install import pip

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip file can hold: equal content makes equal wheels


def bring_wheel(folder: Path, wheelhouse: Path | None) -> Path:
    """Give edgefuse's wheel; what is made is put into ``folder``.

    Raises:
        InstallError: A checkout cannot be built, or this edgefuse is neither a checkout nor installed.
    """
    if wheelhouse is not None and (wheels := sorted(wheelhouse.glob("edgefuse-*.whl"))):
        return wheels[-1]
    if checkout := paths.checkout_dir():
        index = () if wheelhouse is None else ("--no-index", "--find-links", str(wheelhouse))
        arguments = ("wheel", "--no-deps", *index, "--wheel-dir", str(folder), str(checkout))
        pip.run(*arguments, scratch=folder, doing="build edgefuse's wheel")
        return next(folder.glob("edgefuse-*.whl"))
    try:
        return pack(distribution("edgefuse"), folder)
    except PackageNotFoundError as e:
        raise InstallError("cannot install the service: this edgefuse was not installed by pip") from e


def pack(installed: Distribution, folder: Path) -> Path:
    """Make the wheel anew that a distribution was installed from; entry points and data files included."""
    stem = f"{installed.name}-{installed.version}"
    wheel = folder / f"{stem}-py3-none-any.whl"
    entries = sorted(_entries(installed, stem))
    record = "".join(f"{name},,\n" for name, _ in entries) + f"{stem}.dist-info/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (*entries, (f"{stem}.dist-info/RECORD", record.encode())):
            archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), content)
    return wheel


def _entries(installed: Distribution, stem: str) -> Iterator[tuple[str, bytes]]:
    """Give name and content of the wheel's files; scripts are made by whoever installs it."""
    left_out = {f"{stem}.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    for file in installed.files or ():
        name = file.as_posix()
        if name in left_out or name.endswith(".pyc"):
            continue
        if "share/edgefuse/" in name:
            data = name[name.index("share/edgefuse/") :]
            yield f"{stem}.data/data/{data}", _find(installed, name, data).read_bytes()
        elif not name.startswith(".."):
            yield name, _find(installed, name).read_bytes()


def _find(installed: Distribution, *names: str) -> Path:
    """Find a file; `pip install --target` puts data elsewhere than it says."""
    places = [Path(str(installed.locate_file(name))) for name in names]
    return next((place for place in places if place.is_file()), places[0])


def digest(wheel: Path) -> bytes:
    """Give one hash of all that the wheel holds, whenever and wherever it was made."""
    total = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            if not info.filename.endswith("/RECORD"):
                total.update(f"{info.filename}\0{info.file_size}\0".encode() + archive.read(info))
    return total.digest()


def read_version(wheel: Path) -> str:
    """Give the version that the wheel's name tells."""
    return wheel.name.split("-")[1]
