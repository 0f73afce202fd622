"""Readers of where tensors lie: one file, one format; the contract is ``edgefuse.factory.layout``."""
