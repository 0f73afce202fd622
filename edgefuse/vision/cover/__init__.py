"""Hiding faces: what must be hidden, and how nothing of it survives."""
