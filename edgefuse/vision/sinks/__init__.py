"""Sinks, one file each; the contract is ``edgefuse/vision/sink.py``."""
