"""``edgefuse release``: from models to a release that devices trust; its actions are in ``_release_*.py``."""

from __future__ import annotations

from edgefuse.cli import _release_build, _release_keys, _release_publish, _release_show
from edgefuse.cli._group import make_group

PLUGIN = make_group(
    "build releases of models and settings, compare, sign, publish and verify them",
    "edgefuse release build summer.yaml summer",
    _release_build.add_actions,
    _release_show.add_actions,
    _release_keys.add_actions,
    _release_publish.add_actions,
)
