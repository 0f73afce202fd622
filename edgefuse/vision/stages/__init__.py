"""Stages, one file each; the contract is ``edgefuse/vision/stage.py``."""
