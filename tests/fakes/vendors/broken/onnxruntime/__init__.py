"""Behaves as a wheel whose native library does not load."""

raise ImportError("libgomp.so.1: cannot open shared object file")
