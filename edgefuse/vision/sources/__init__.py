"""Sources, one file each; the contract is ``edgefuse/vision/source.py``."""
