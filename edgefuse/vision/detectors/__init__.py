"""Decoders of face detectors, one file each; the contract is ``edgefuse/vision/detector.py``."""
