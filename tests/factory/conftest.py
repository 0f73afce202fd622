from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command import CHECKOUT
from fakes.release_site import PIN, Site

from edgefuse.factory.ceremony import init_vault


@pytest.fixture(scope="session")
def pristine_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with a vault, and nothing signed but the roles; nobody changes it."""
    site = Site(tmp_path_factory.mktemp("site"))
    init_vault(site.vault, site.keyring)
    return site


@pytest.fixture
def site(pristine_site: Site, tmp_path: Path) -> Site:
    """A site of the test's own."""
    return Site(Path(shutil.copytree(pristine_site.folder, tmp_path / "site")))


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A token called ``safe`` with keys 1 and 2, as PKCS#11 has them; skips where there is no SoftHSM."""
    pkcs11 = pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    before = dict(os.environ)
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = [CHECKOUT / "tools/softhsm", "--init-token", "--free", "--label", "safe", "--pin", PIN, "--so-pin", PIN]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("there is no SoftHSM on this machine, and none can be fetched")
    library = subprocess.run([CHECKOUT / "tools/softhsm", "library"], check=True, capture_output=True, text=True)
    os.environ["PYKCS11LIB"] = library.stdout.strip()
    curve = pkcs11.util.ec.encode_named_curve_parameters("secp256r1")
    with pkcs11.lib(os.environ["PYKCS11LIB"]).get_token(token_label="safe").open(rw=True, user_pin=PIN) as session:
        for number in (1, 2):
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
            )
            parameters.generate_keypair(id=bytes([number]), label=f"key {number}", store=True)
    yield "hsm:1?label=safe"
    os.environ.clear()
    os.environ.update(before)
